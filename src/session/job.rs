//! Background work: named threads, one queue, results sent back before the window is woken.

use std::collections::{HashMap, HashSet, VecDeque};
use std::panic::AssertUnwindSafe;
use std::sync::mpsc::Sender;
use std::sync::{Arc, Condvar, Mutex, PoisonError};

use crate::base::{Gate, WorkCtx};

/// Wakes whoever shows the results.
pub(super) type Waker = Arc<dyn Fn() + Send + Sync>;

/// What kind of thread a job runs on, so that a long accuracy run does not hold up a layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lane {
    /// Short work that a person waits for.
    Quick,
    /// Many short pieces of work, shown as they are done.
    Wide,
    /// Work that takes as long as it takes.
    Long,
    /// What nobody looks at now: it waits for whatever a person waits for.
    Rest,
    /// What takes long and goes on without being looked at: it waits for everything but the rest.
    Study,
}

impl Lane {
    const N: usize = 5;

    /// Whether the rest is held back meanwhile.
    fn is_urgent(self) -> bool {
        matches!(self, Self::Quick | Self::Wide)
    }

    /// Whether it is done when there is time.
    pub fn is_patient(self) -> bool {
        matches!(self, Self::Rest | Self::Study)
    }
}

/// What a job does.
pub(super) type Run<M> = Box<dyn FnOnce(&WorkCtx, &Outbox<M>) -> M + Send>;

/// A piece of work; `run` sends what it finds to the outbox.
pub(super) struct Job<M> {
    pub id: u64,
    pub lane: Lane,
    pub ctx: WorkCtx,
    pub run: Run<M>,
    /// What to send when the work panics, from the panic's text.
    pub on_panic: Box<dyn FnOnce(String) -> M + Send>,
}

/// Where a job sends results, also before it is done.
pub(super) struct Outbox<M> {
    sender: Sender<M>,
    wake: Waker,
}

impl<M> Outbox<M> {
    /// Sends, and then wakes the window; a session that is gone does not mind.
    pub fn send(&self, message: M) {
        if self.sender.send(message).is_ok() {
            (self.wake)();
        }
    }
}

struct Shared<M> {
    pending: Mutex<Pending<M>>,
    /// By lane: a job wakes one thread that can take it.
    arrivals: [Condvar; Lane::N],
    /// What the rest waits at.
    gate: Arc<Gate>,
    /// What studies wait at.
    study_gate: Arc<Gate>,
}

impl<M> Shared<M> {
    fn arrivals(&self, lane: Lane) -> &Condvar {
        &self.arrivals[lane as usize]
    }
}

struct Pending<M> {
    jobs: VecDeque<Job<M>>,
    closed: bool,
}

/// The queue and its threads; dropping it lets them end after their current job.
pub(super) struct JobQueue<M: Send + 'static> {
    shared: Arc<Shared<M>>,
}

/// Threads for each lane.
const LANES: [(Lane, &str); 6] = [
    (Lane::Quick, "quantscope-quick"),
    (Lane::Quick, "quantscope-quick"),
    (Lane::Wide, "quantscope-wide"),
    (Lane::Long, "quantscope-long"),
    (Lane::Rest, "quantscope-rest"),
    (Lane::Study, "quantscope-study"),
];

impl<M: Send + 'static> JobQueue<M> {
    /// Starts the threads. Where the system gives none, jobs stay pending.
    pub fn start(sender: &Sender<M>, wake: &Waker) -> Self {
        let shared = Arc::new(Shared {
            pending: Mutex::new(Pending { jobs: VecDeque::new(), closed: false }),
            arrivals: Default::default(),
            gate: Arc::default(),
            study_gate: Arc::default(),
        });
        for (lane, name) in LANES {
            let shared = Arc::clone(&shared);
            let outbox = Outbox { sender: sender.clone(), wake: Arc::clone(wake) };
            let thread = std::thread::Builder::new().name(name.to_owned());
            if let Err(error) = thread.spawn(move || work(&shared, lane, &outbox)) {
                log::error!("no thread for background work: {error}");
            }
        }
        Self { shared }
    }

    pub fn push(&self, job: Job<M>) {
        let lane = job.lane;
        self.lock().jobs.push_back(job);
        self.shared.arrivals(lane).notify_one();
    }

    /// Puts the jobs whose numbers `order` gives first, in that order.
    pub fn prioritize(&self, order: &[u64]) {
        let places: HashMap<u64, usize> = order.iter().copied().zip(0..).collect();
        let place = |id: u64| places.get(&id).copied().unwrap_or(usize::MAX);
        self.lock().jobs.make_contiguous().sort_by_key(|job| place(job.id));
    }

    /// Drops a job that has not started; whether there was one.
    pub fn remove(&self, id: u64) -> bool {
        let mut pending = self.lock();
        let n_before = pending.jobs.len();
        pending.jobs.retain(|job| job.id != id);
        pending.jobs.len() < n_before
    }

    /// The jobs that have not started.
    pub fn waiting(&self) -> HashSet<u64> {
        self.lock().jobs.iter().map(|job| job.id).collect()
    }

    /// For a job in that lane.
    pub fn ctx(&self, lane: Lane) -> WorkCtx {
        match lane {
            Lane::Rest => WorkCtx::patient(Arc::clone(&self.shared.gate)),
            Lane::Study => WorkCtx::patient(Arc::clone(&self.shared.study_gate)),
            Lane::Quick | Lane::Wide | Lane::Long => WorkCtx::new(),
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Pending<M>> {
        self.shared.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<M: Send + 'static> Drop for JobQueue<M> {
    fn drop(&mut self) {
        let mut pending = self.lock();
        pending.closed = true;
        pending.jobs.clear();
        drop(pending);
        self.shared.arrivals.iter().for_each(Condvar::notify_all);
    }
}

fn work<M: Send>(shared: &Shared<M>, lane: Lane, outbox: &Outbox<M>) {
    // Work that may be held back must not hold threads that other work needs.
    let own_threads = match lane.is_patient() {
        true => rayon::ThreadPoolBuilder::new().build().ok(),
        false => None,
    };
    while let Some(job) = next_job(shared, lane) {
        let urgent = lane.is_urgent().then(|| shared.gate.enter());
        let before_studies = (!lane.is_patient()).then(|| shared.study_gate.enter());
        if job.ctx.is_cancelled() {
            continue;
        }
        let Job { ctx, run, on_panic, .. } = job;
        let run = || match &own_threads {
            Some(threads) => threads.install(|| run(&ctx, outbox)),
            None => run(&ctx, outbox),
        };
        let result = std::panic::catch_unwind(AssertUnwindSafe(run));
        drop(urgent);
        drop(before_studies);
        outbox.send(result.unwrap_or_else(|panic| on_panic(panic_text(&*panic))));
    }
}

fn next_job<M>(shared: &Shared<M>, lane: Lane) -> Option<Job<M>> {
    let mut pending = shared.pending.lock().unwrap_or_else(PoisonError::into_inner);
    loop {
        if pending.closed {
            return None;
        }
        if let Some(job_idx) = pending.jobs.iter().position(|job| job.lane == lane) {
            return pending.jobs.remove(job_idx);
        }
        pending = shared.arrivals(lane).wait(pending).unwrap_or_else(PoisonError::into_inner);
    }
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned());
    format!("an internal error: {}", text.unwrap_or_else(|| "no details".to_owned()))
}
