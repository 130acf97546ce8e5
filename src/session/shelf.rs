//! What jobs keep of the weights, so that a change of settings reads and computes nothing twice:
//! within one number of bytes, the least recently used let go first.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};

use super::workshop::{FittedLayer, lock};
use crate::eval::QuantizedLayer;
use crate::tensor::{ChannelMajor, SortedIndex};

/// Bytes kept of the weights of the open model, and the most that they may take together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KeptBytes {
    /// Weights with their channels side by side.
    pub weights: u64,
    /// Scales, codebooks and errors of quantized layers.
    pub fits: u64,
    /// Reconstructed weights.
    pub reconstructions: u64,
    /// Sorted weights.
    pub indexes: u64,
    /// 0 before the first job.
    pub budget: u64,
}

impl KeptBytes {
    pub fn total(&self) -> u64 {
        self.weights + self.fits + self.reconstructions + self.indexes
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Key {
    Weights { layer_idx: usize, axis: usize },
    Fit { layer_idx: usize, spec: String },
    Reconstruction { layer_idx: usize, spec: String },
    Index { layer_idx: usize },
}

#[derive(Clone)]
pub(super) enum Item {
    Weights(ChannelMajor),
    Fit(Arc<FittedLayer>),
    Reconstruction(Arc<QuantizedLayer>),
    Index(Arc<SortedIndex>),
}

impl Item {
    fn n_bytes(&self) -> u64 {
        let bytes = match self {
            Self::Weights(weights) => size_of_val(weights.data()),
            Self::Fit(fit) => fit.n_bytes(),
            Self::Reconstruction(layer) => {
                layer.weights.as_ref().map_or(0, |weights| weights.len() * size_of::<f32>())
            }
            Self::Index(index) => index.n_bytes(),
        };
        bytes as u64
    }

    fn kind(&self) -> usize {
        match self {
            Self::Weights(_) => 0,
            Self::Fit(_) => 1,
            Self::Reconstruction(_) => 2,
            Self::Index(_) => 3,
        }
    }
}

struct Slot {
    item: Item,
    n_bytes: u64,
    /// By the clock of the shelf.
    used_at: u64,
}

#[derive(Default)]
struct Slots {
    by_key: HashMap<Key, Slot>,
    n_bytes: u64,
    clock: u64,
}

/// Kept items. Only jobs lock it; how much it holds is told without a lock.
#[derive(Default)]
pub(super) struct Shelf {
    slots: Mutex<Slots>,
    /// Held by the job that makes an item, so that another that needs it waits instead of making it
    /// as well.
    makers: Mutex<HashMap<Key, Weak<Mutex<()>>>>,
    budget: OnceLock<u64>,
    /// By [`Item::kind`].
    n_bytes: [AtomicU64; 4],
    told_budget: AtomicU64,
}

/// Share of the memory free at first that may be kept, and its ends.
const BUDGET_SHARE: u64 = 4;
const MIN_BUDGET: u64 = 256 << 20;
const MAX_BUDGET: u64 = 4 << 30;
/// Memory that is left to the machine: with less free, what is quickest to have again is let go.
const LEAST_FREE: u64 = 512 << 20;

impl Shelf {
    #[cfg(test)]
    pub fn with_budget(n_bytes: u64) -> Self {
        Self { budget: n_bytes.into(), ..Self::default() }
    }

    #[cfg(test)]
    pub fn clear(&self) {
        self.let_go(&mut lock(&self.slots), |_| true);
    }

    pub fn budget(&self) -> u64 {
        let of_machine = || match free_memory() {
            Some(free) => (free / BUDGET_SHARE).clamp(MIN_BUDGET, MAX_BUDGET),
            None => MIN_BUDGET,
        };
        let budget = *self.budget.get_or_init(of_machine);
        self.told_budget.store(budget, Ordering::Relaxed);
        budget
    }

    /// Takes no lock.
    pub fn kept_bytes(&self) -> KeptBytes {
        let [weights, fits, reconstructions, indexes] =
            self.n_bytes.each_ref().map(|bytes| bytes.load(Ordering::Relaxed));
        let budget = self.told_budget.load(Ordering::Relaxed);
        KeptBytes { weights, fits, reconstructions, indexes, budget }
    }

    pub fn get(&self, key: &Key) -> Option<Item> {
        let mut slots = lock(&self.slots);
        slots.clock += 1;
        let clock = slots.clock;
        let slot = slots.by_key.get_mut(key)?;
        slot.used_at = clock;
        Some(slot.item.clone())
    }

    /// What is kept under the key, else what `make` makes; other jobs that want the same wait for it.
    pub fn get_or_make<E>(
        &self,
        key: &Key,
        make: impl FnOnce() -> Result<Item, E>,
    ) -> Result<Item, E> {
        if let Some(item) = self.get(key) {
            return Ok(item);
        }
        let maker = self.maker(key);
        let _making = maker.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(item) = self.get(key) {
            return Ok(item);
        }
        let item = make()?;
        self.put(key.clone(), item.clone());
        Ok(item)
    }

    fn maker(&self, key: &Key) -> Arc<Mutex<()>> {
        let mut makers = lock(&self.makers);
        if let Some(maker) = makers.get(key).and_then(Weak::upgrade) {
            return maker;
        }
        makers.retain(|_, maker| maker.strong_count() > 0);
        let maker = Arc::new(Mutex::new(()));
        makers.insert(key.clone(), Arc::downgrade(&maker));
        maker
    }

    /// Keeps an item, if it fits at all, and lets others go for it.
    pub fn put(&self, key: Key, item: Item) {
        let (budget, free) = (self.budget(), free_memory());
        let n_bytes = item.n_bytes();
        let mut slots = lock(&self.slots);
        self.remove(&mut slots, &key);
        if free.is_some_and(|free| free < LEAST_FREE) {
            self.let_go(&mut slots, |key| matches!(key, Key::Index { .. }));
            self.let_go(&mut slots, |key| matches!(key, Key::Reconstruction { .. }));
        }
        if n_bytes > budget {
            return;
        }
        while slots.n_bytes + n_bytes > budget {
            let oldest = slots.by_key.iter().min_by_key(|(_, slot)| slot.used_at);
            let Some(oldest) = oldest.map(|(key, _)| key.clone()) else { break };
            self.remove(&mut slots, &oldest);
        }
        slots.clock += 1;
        let used_at = slots.clock;
        slots.n_bytes += n_bytes;
        if let Some(told) = self.n_bytes.get(item.kind()) {
            told.fetch_add(n_bytes, Ordering::Relaxed);
        }
        slots.by_key.insert(key, Slot { item, n_bytes, used_at });
    }

    /// Whether so many bytes could be kept, and as many again be used meanwhile.
    pub fn has_room_for(&self, n_bytes: u64) -> bool {
        let is_free = free_memory().is_none_or(|free| free > LEAST_FREE + 2 * n_bytes);
        is_free && n_bytes <= self.budget() / 2
    }

    fn let_go(&self, slots: &mut Slots, is_meant: impl Fn(&Key) -> bool) {
        let meant: Vec<Key> = slots.by_key.keys().filter(|key| is_meant(key)).cloned().collect();
        meant.iter().for_each(|key| self.remove(slots, key));
    }

    fn remove(&self, slots: &mut Slots, key: &Key) {
        if let Some(slot) = slots.by_key.remove(key) {
            slots.n_bytes -= slot.n_bytes;
            if let Some(told) = self.n_bytes.get(slot.item.kind()) {
                told.fetch_sub(slot.n_bytes, Ordering::Relaxed);
            }
        }
    }
}

/// Memory that programs can still have, of the machine or of the group of processes that this one is
/// confined to; `None` where the system does not tell.
fn free_memory() -> Option<u64> {
    let mut system = sysinfo::System::new().ok()?;
    system.refresh_memory();
    let of_group = system.cgroup_limits().map(|limits| limits.free_memory);
    Some(system.available_memory()).filter(|free| *free > 0).map(|free| match of_group {
        Some(of_group) => free.min(of_group),
        None => free,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tensor::Tensor;
    use ndarray::IxDyn;

    fn weights(n: usize) -> Item {
        Item::Weights(ChannelMajor::new(&Tensor::zeros(IxDyn(&[1, n])), 0))
    }

    fn key(layer_idx: usize) -> Key {
        Key::Weights { layer_idx, axis: 0 }
    }

    #[test]
    fn the_least_recently_used_goes_first() {
        let shelf = Shelf::with_budget(4000);
        (0..3).for_each(|idx| shelf.put(key(idx), weights(300)));
        assert_eq!(shelf.kept_bytes().total(), 3600);
        assert!(shelf.get(&key(0)).is_some());
        shelf.put(key(3), weights(300));
        let kept = [0, 1, 2, 3].map(|idx| shelf.get(&key(idx)).is_some());
        assert_eq!(kept, [true, false, true, true]);
        assert_eq!((shelf.kept_bytes().weights, shelf.kept_bytes().budget), (3600, 4000));
        shelf.put(key(3), weights(100));
        assert_eq!(shelf.kept_bytes().total(), 2800, "an item takes the place of its like");
        shelf.put(key(4), weights(1001));
        assert!(shelf.get(&key(4)).is_none(), "larger than all there is");
        assert_eq!(shelf.kept_bytes().total(), 2800);
    }

    #[test]
    fn an_index_is_there_as_long_as_it_is_kept() {
        let shelf = Shelf::with_budget(4000);
        let row = ChannelMajor::new(&Tensor::zeros(IxDyn(&[1, 500])), 0);
        let ctx = crate::base::WorkCtx::new();
        let index = Arc::new(SortedIndex::of_values(row.data(), &ctx).unwrap().unwrap());
        row.set_index(&index);
        shelf.put(Key::Index { layer_idx: 0 }, Item::Index(index));
        assert!(row.clone().index().is_some() && shelf.kept_bytes().indexes > 2000);
        shelf.put(key(0), weights(900));
        assert!(row.index().is_none() && shelf.kept_bytes().indexes == 0);
        assert!(!shelf.has_room_for(2001));
    }

    #[test]
    fn what_two_jobs_want_is_made_once() {
        let shelf = Shelf::with_budget(4000);
        let n_made = AtomicU64::new(0);
        let make = || {
            n_made.fetch_add(1, Ordering::Relaxed);
            Ok::<_, ()>(weights(10))
        };
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| shelf.get_or_make(&key(0), make).is_ok());
            }
        });
        assert_eq!(n_made.load(Ordering::Relaxed), 1);
        let failed = shelf.get_or_make(&key(1), || Err::<Item, _>("no"));
        assert!(failed.is_err() && shelf.get(&key(1)).is_none());
    }
}
