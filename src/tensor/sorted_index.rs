//! Weights in ascending order with sums over any run of them: what the error of a grid that all
//! weights share needs, in time that depends on the number of levels alone.

use std::ops::Range;

use super::order;
use crate::base::{Cancelled, WorkCtx};

/// Finite values, ascending, and how far they lie from any number.
///
/// - Size: 4.4 bytes a weight; for weights of 16 bits two megabytes whatever their number.
/// - Error of a sum: relative below 10⁻¹², since every sum is of squares around a value nearby and
///   none is the difference of two larger ones.
/// - Negative zero is zero. NaN and infinities: there is no index of them.
#[derive(Debug)]
pub struct SortedIndex {
    values: Vec<f32>,
    /// How many weights the values before each stand for, one more than there are values; empty where
    /// every value stands for one.
    before: Vec<u64>,
    /// Of every [`BLOCK_LEN`] values, then of every [`FAN_OUT`] of those, and so on.
    levels: Vec<Vec<Around>>,
}

/// Values of a block.
const BLOCK_LEN: usize = 64;
/// Parts of a larger one.
const FAN_OUT: usize = 16;

/// Weights near a value of single precision: `Σ(x − centre)` and `Σ(x − centre)²`.
///
/// The centre is the nearest to the mean, so that `Σ(x − v)² = squares + 2d·sum + n·d²` with the exact
/// `d = centre − v` loses no more than two bits for any `v` of single precision.
#[derive(Clone, Copy, Debug)]
struct Around {
    centre: f32,
    sum: f64,
    squares: f64,
}

/// Sums over a run of weights.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct RunSums {
    pub count: u64,
    /// `Σx`.
    pub sum: f64,
    /// `Σ(x − v)²`.
    pub squares: f64,
}

impl SortedIndex {
    /// Sorts; `None` where a value is NaN or infinite. On the calling thread alone, so that no other
    /// work waits for a long sort. Takes another 4 bytes a value meanwhile.
    ///
    /// # Errors
    /// [`Cancelled`].
    pub fn of_values(data: &[f32], ctx: &WorkCtx) -> Result<Option<Self>, Cancelled> {
        Ok(order::sorted(data, ctx)?.map(|values| Self::new(values, Vec::new())))
    }

    /// Of numbers of 16 bits that occur so many times each; `None` where one of them is NaN or
    /// infinite.
    pub fn of_counts(counts: &[u64], decode: impl Fn(u16) -> f32) -> Option<Self> {
        let occurring = (0..=u16::MAX).zip(counts).filter(|(_, count)| **count > 0);
        let mut pairs: Vec<(f32, u64)> =
            occurring.map(|(bits, &count)| (decode(bits) + 0.0, count)).collect();
        if pairs.iter().any(|(value, _)| !value.is_finite()) {
            return None;
        }
        pairs.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
        let mut before = vec![0];
        before.extend(pairs.iter().scan(0, |sum, (_, count)| {
            *sum += count;
            Some(*sum)
        }));
        Some(Self::new(pairs.into_iter().map(|(value, _)| value).collect(), before))
    }

    fn new(values: Vec<f32>, before: Vec<u64>) -> Self {
        let mut index = Self { values, before, levels: Vec::new() };
        let blocks = 0..index.values.len() / BLOCK_LEN;
        let block = |idx: usize| index.around(idx * BLOCK_LEN..(idx + 1) * BLOCK_LEN);
        let mut level: Vec<Around> = blocks.map(block).collect();
        let mut len = BLOCK_LEN;
        while level.len() >= FAN_OUT {
            let joined = |(idx, parts): (usize, &[Around])| {
                let start = idx * FAN_OUT * len;
                index.joined(parts, start, len)
            };
            let next = level.as_chunks::<FAN_OUT>().0.iter().map(|parts| &parts[..]);
            let next = next.enumerate().map(joined).collect();
            index.levels.push(std::mem::replace(&mut level, next));
            len *= FAN_OUT;
        }
        index.levels.push(level);
        index
    }

    /// Weights it is of.
    pub fn count(&self) -> u64 {
        self.n_weights(0..self.values.len())
    }

    /// Distinct places that a search may end at: values, of which several weights may have one.
    pub fn len(&self) -> usize {
        self.values.len()
    }

    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// Ascending.
    pub fn values(&self) -> &[f32] {
        &self.values
    }

    /// Memory it takes.
    pub fn n_bytes(&self) -> usize {
        let nodes: usize = self.levels.iter().map(Vec::len).sum();
        size_of_val(&self.values[..]) + size_of_val(&self.before[..]) + nodes * size_of::<Around>()
    }

    /// The memory that one of so many values of 32 bits takes.
    pub fn bytes_for(n_values: usize) -> u64 {
        (n_values as u64) * 4 + (n_values / BLOCK_LEN * size_of::<Around>()) as u64 * 16 / 15
    }

    /// The first place from `start` on where a condition holds that, once true, stays true for larger
    /// values.
    pub fn first_from(&self, start: usize, holds: impl Fn(f32) -> bool) -> usize {
        let rest = self.values.get(start..).unwrap_or_default();
        start + rest.partition_point(|&x| !holds(x))
    }

    /// Weights of a run of values.
    pub fn n_weights(&self, run: Range<usize>) -> u64 {
        match (self.before.get(run.start), self.before.get(run.end)) {
            (Some(start), Some(end)) => end - start,
            _ => run.len() as u64,
        }
    }

    /// The weight of that rank, 0 the smallest.
    pub fn at_rank(&self, rank: u64) -> Option<f32> {
        let place = match self.before.is_empty() {
            true => usize::try_from(rank).ok()?,
            false => self.before.partition_point(|&before| before <= rank).checked_sub(1)?,
        };
        self.values.get(place).copied()
    }

    /// The magnitude of that rank among those of all weights, 0 the smallest.
    pub fn magnitude_at_rank(&self, rank: u64) -> Option<f32> {
        let n_within = |reach: f32| {
            let start = self.first_from(0, |x| x >= -reach);
            self.n_weights(start..self.first_from(start, |x| x > reach))
        };
        if rank >= self.count() {
            return None;
        }
        // The least float within which more weights than the rank lie: one of the magnitudes.
        let (mut lo, mut hi) = (0u32, f32::MAX.to_bits());
        while lo < hi {
            let middle = lo + (hi - lo) / 2;
            if n_within(f32::from_bits(middle)) > rank { hi = middle } else { lo = middle + 1 }
        }
        Some(f32::from_bits(lo))
    }

    /// Sums over a run of values around `v`.
    pub fn sums(&self, run: Range<usize>, v: f32) -> RunSums {
        let mut sums = RunSums { count: self.n_weights(run.clone()), ..RunSums::default() };
        let end = run.end.min(self.values.len());
        let first = run.start.next_multiple_of(BLOCK_LEN);
        let last = end / BLOCK_LEN * BLOCK_LEN;
        if first >= last {
            self.add_values(run.start..end, v, &mut sums);
            return sums;
        }
        self.add_values(run.start..first, v, &mut sums);
        self.add_values(last..end, v, &mut sums);
        let (mut lo, mut hi, mut len) = (first / BLOCK_LEN, last / BLOCK_LEN, BLOCK_LEN);
        for (depth, level) in self.levels.iter().enumerate() {
            let (above_lo, above_hi) = (lo.div_ceil(FAN_OUT), hi / FAN_OUT);
            if above_lo >= above_hi || depth + 1 == self.levels.len() {
                self.add_nodes(level, (lo..hi, len), v, &mut sums);
                break;
            }
            self.add_nodes(level, (lo..above_lo * FAN_OUT, len), v, &mut sums);
            self.add_nodes(level, (above_hi * FAN_OUT..hi, len), v, &mut sums);
            (lo, hi, len) = (above_lo, above_hi, len * FAN_OUT);
        }
        sums
    }

    fn add_values(&self, run: Range<usize>, v: f32, sums: &mut RunSums) {
        let values = self.values.get(run.clone()).unwrap_or_default();
        let v = f64::from(v);
        let (mut sum, mut squares) = (0.0, 0.0);
        match self.before.get(run.start..=run.end) {
            Some(before) => {
                for (&x, pair) in values.iter().zip(before.windows(2)) {
                    let (x, n) = (f64::from(x), (pair[1] - pair[0]) as f64);
                    sum += n * x;
                    squares += n * (x - v) * (x - v);
                }
            }
            None => {
                for &x in values {
                    let x = f64::from(x);
                    sum += x;
                    squares += (x - v) * (x - v);
                }
            }
        }
        sums.sum += sum;
        sums.squares += squares;
    }

    /// Nodes of one level, each of `len` values.
    fn add_nodes(
        &self,
        level: &[Around],
        (nodes, len): (Range<usize>, usize),
        v: f32,
        sums: &mut RunSums,
    ) {
        let first = nodes.start;
        let (mut sum, mut squares) = (0.0, 0.0);
        for (nth, node) in level.get(nodes).unwrap_or_default().iter().enumerate() {
            let start = (first + nth) * len;
            let n = self.n_weights(start..start + len) as f64;
            sum += n * f64::from(node.centre) + node.sum;
            squares += node.squares_around(v, n);
        }
        sums.sum += sum;
        sums.squares += squares;
    }

    /// The sums of a block.
    fn around(&self, run: Range<usize>) -> Around {
        let mean = |first: f32| {
            let sums = self.sums_around(run.clone(), first);
            f64::from(first) + sums.0 / self.n_weights(run.clone()).max(1) as f64
        };
        let centre = self.values.get(run.start).map_or(0.0, |&first| mean(first)) as f32;
        let (sum, squares) = self.sums_around(run, centre);
        Around { centre, sum, squares }
    }

    /// `Σ(x − centre)` and `Σ(x − centre)²`, one value after another.
    fn sums_around(&self, run: Range<usize>, centre: f32) -> (f64, f64) {
        let centre = f64::from(centre);
        run.fold((0.0, 0.0), |(sum, squares), place| {
            let n = self.n_weights(place..place + 1) as f64;
            let off = self.values.get(place).map_or(0.0, |&x| f64::from(x) - centre);
            (sum + n * off, squares + n * off * off)
        })
    }

    /// Neighbours taken together, each of `len` values, from `start` on.
    fn joined(&self, parts: &[Around], start: usize, len: usize) -> Around {
        let count = |nth: usize| {
            let first = start + nth * len;
            self.n_weights(first..first + len) as f64
        };
        let first = parts.first().map_or(0.0, |part| part.centre);
        let (mut sum, mut total) = (0.0, 0.0);
        for (nth, part) in parts.iter().enumerate() {
            sum += part.sum + count(nth) * (f64::from(part.centre) - f64::from(first));
            total += count(nth);
        }
        let centre = (f64::from(first) + sum / f64::max(total, 1.0)) as f32;
        let mut joined = Around { centre, sum: 0.0, squares: 0.0 };
        for (nth, part) in parts.iter().enumerate() {
            joined.sum += part.sum + count(nth) * (f64::from(part.centre) - f64::from(centre));
            joined.squares += part.squares_around(centre, count(nth));
        }
        joined
    }
}

impl Around {
    /// `Σ(x − v)²` of `n` weights.
    #[inline(always)]
    fn squares_around(&self, v: f32, n: f64) -> f64 {
        let d = f64::from(self.centre) - f64::from(v);
        self.squares + d * (2.0 * self.sum + n * d)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use half::{bf16, f16};

    /// The definition, one value after another, in short sums so that the twin itself is exact enough.
    fn sums_reference(values: &[f32], v: f32) -> RunSums {
        let sum = |of: &dyn Fn(f64) -> f64| -> f64 {
            let chunk = |chunk: &[f32]| chunk.iter().map(|&x| of(f64::from(x))).sum::<f64>();
            values.chunks(200).map(chunk).sum()
        };
        let v = f64::from(v);
        let (all, squares) = (sum(&|x| x), sum(&|x| (x - v) * (x - v)));
        RunSums { count: values.len() as u64, sum: all, squares }
    }

    fn assert_same(found: RunSums, values: &[f32], v: f32, name: &str) {
        let wanted = sums_reference(values, v);
        let reach: f64 = values.iter().map(|&x| f64::from(x).abs()).sum();
        assert_eq!(found.count, wanted.count, "{name}");
        let off = (found.squares - wanted.squares).abs();
        assert!(off <= 1e-12 * wanted.squares, "{name}: {} {}", found.squares, wanted.squares);
        assert!((found.sum - wanted.sum).abs() <= 1e-12 * reach, "{name}");
    }

    fn cases() -> Vec<(&'static str, Vec<f32>)> {
        let noise = |i: usize| ((i * 7919) % 10_007) as f32 * 1e-4 - 0.5;
        let n = 20_001;
        let mut huge: Vec<f32> = (0..n).map(noise).collect();
        (huge[5], huge[9]) = (-f32::MAX, f32::MAX);
        let mut one_beyond = vec![0.01; n];
        one_beyond[3] = 1e20;
        vec![
            ("plain", (0..n).map(noise).collect()),
            ("few values", (0..n).map(|i| (i % 7) as f32 - 3.0).collect()),
            ("equal", vec![0.1; n]),
            ("zeros", (0..n).map(|i| if i % 2 == 0 { 0.0 } else { -0.0 }).collect()),
            ("denormal", (0..n).map(|i| f32::from_bits((i % 9) as u32)).collect()),
            ("huge", huge),
            ("one beyond", one_beyond),
            ("close together", (0..n).map(|i| 1.0 + (i % 5) as f32 * f32::EPSILON).collect()),
            ("few", vec![3.0, -1.0, 2.0]),
            ("none", Vec::new()),
        ]
    }

    #[test]
    fn sums_of_any_run_are_those_of_the_definition() {
        for (name, data) in cases() {
            let index = SortedIndex::of_values(&data, &WorkCtx::new()).unwrap().unwrap();
            let mut sorted: Vec<f32> = data.iter().map(|x| x + 0.0).collect();
            sorted.sort_by(f32::total_cmp);
            assert_eq!(index.values(), sorted, "{name}");
            assert_eq!(index.count(), data.len() as u64, "{name}");
            let n = sorted.len();
            for (start, end) in [(0, n), (1, n), (63, 65), (64, 4096), (100, 13_333), (n / 2, n)] {
                let (start, end) = (start.min(n), end.min(n));
                let run = &sorted[start..end];
                let ends = [run.first(), run.last()].map(|x| x.copied().unwrap_or(1.0));
                for v in [ends[0], ends[1], 0.0, 0.3, 1e-30, ends[1].next_up().min(f32::MAX)] {
                    let name = format!("{name}, {start}..{end} around {v:e}");
                    assert_same(index.sums(start..end, v), run, v, &name);
                }
            }
        }
    }

    #[test]
    fn counts_of_halves_give_the_same() {
        type Way = (&'static str, fn(f32) -> u16, fn(u16) -> f32);
        let ways: [Way; 2] = [
            ("f16", |x| f16::from_f32(x).to_bits(), |bits| f16::from_bits(bits).to_f32()),
            ("bf16", |x| bf16::from_f32(x).to_bits(), |bits| bf16::from_bits(bits).to_f32()),
        ];
        for (name, encode, decode) in ways {
            let data: Vec<f32> =
                (0..90_000).map(|i| ((i * 7919) % 10_007) as f32 * 1e-3 - 5.0).collect();
            let mut counts = vec![0u64; 1 << 16];
            let stored: Vec<u16> = data.iter().map(|&x| encode(x)).collect();
            stored.iter().for_each(|&bits| counts[usize::from(bits)] += 1);
            let counted = SortedIndex::of_counts(&counts, decode).unwrap();
            let mut sorted: Vec<f32> = stored.into_iter().map(decode).collect();
            sorted.sort_by(f32::total_cmp);
            assert!(counted.len() < sorted.len(), "{name}");
            for (lo, hi, v) in [(-9.0, 9.0, 0.0), (-1.0, 0.5, -0.25), (0.1, 0.2, 0.15)] {
                let start = counted.first_from(0, |x| x >= lo);
                let end = counted.first_from(start, |x| x >= hi);
                let run: Vec<f32> =
                    sorted.iter().copied().filter(|x| (lo..hi).contains(x)).collect();
                assert_same(counted.sums(start..end, v), &run, v, name);
            }
            for rank in [0, 1, 45_000, 89_999] {
                assert_eq!(counted.at_rank(rank), sorted.get(rank as usize).copied(), "{name}");
            }
            assert_eq!((counted.at_rank(90_000), counted.count()), (None, 90_000));
            assert!(counted.n_bytes() < 3 << 20, "{name}");
        }
        let mut infinite = vec![0u64; 1 << 16];
        infinite[0x7c00] = 1;
        assert!(SortedIndex::of_counts(&infinite, |bits| f16::from_bits(bits).to_f32()).is_none());
    }

    #[test]
    fn ranks_are_those_of_the_sorted_magnitudes() {
        for (name, data) in cases() {
            let index = SortedIndex::of_values(&data, &WorkCtx::new()).unwrap().unwrap();
            let mut magnitudes: Vec<f32> = data.iter().map(|x| x.abs()).collect();
            magnitudes.sort_by(f32::total_cmp);
            for rank in [0, 1, 2, data.len() / 3, data.len().saturating_sub(1), data.len()] {
                let found = index.magnitude_at_rank(rank as u64);
                assert_eq!(found, magnitudes.get(rank).copied(), "{name} at {rank}");
            }
        }
    }

    #[test]
    fn what_is_no_number_has_no_index() {
        let ctx = WorkCtx::new();
        for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            assert!(SortedIndex::of_values(&[1.0, bad], &ctx).unwrap().is_none());
        }
        ctx.cancel();
        assert!(SortedIndex::of_values(&[1.0; 9], &ctx).is_err());
    }

    #[test]
    fn its_size_is_foretold() {
        let data: Vec<f32> = (0..1 << 17).map(|i| i as f32).collect();
        let index = SortedIndex::of_values(&data, &WorkCtx::new()).unwrap().unwrap();
        let (found, told) = (index.n_bytes() as f64, SortedIndex::bytes_for(data.len()) as f64);
        assert!((found / told - 1.0).abs() < 0.01, "{found} {told}");
    }
}
