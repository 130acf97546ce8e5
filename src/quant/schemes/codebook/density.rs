//! Lloyd–Max levels: those with the least mean squared error for weights drawn from a density.

/// A symmetric density of unit scale.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Density {
    /// `exp(−x²/2)/√(2π)`: standard deviation 1.
    Gaussian,
    /// `exp(−|x|)/2`: mean distance from the middle 1.
    Laplacian,
}

impl Density {
    fn at(self, x: f64) -> f64 {
        match self {
            Self::Gaussian => (-0.5 * x * x).exp() / std::f64::consts::TAU.sqrt(),
            Self::Laplacian => 0.5 * (-x.abs()).exp(),
        }
    }

    /// Beyond it lies less than 10⁻¹⁷ of the density.
    fn reach(self) -> f64 {
        match self {
            Self::Gaussian => 10.0,
            Self::Laplacian => 40.0,
        }
    }

    /// The `2^bits` Lloyd–Max levels, ascending and symmetric about 0.
    ///
    /// Each level is the mean of the density between the middles to its neighbours (Max 1960, eq. 3
    /// and 4; Lloyd 1982). Both densities are log-concave, so there is one solution (Fleischer 1964).
    /// It is found by Newton's method from the levels of high-resolution theory, with integrals by
    /// Gauss–Legendre quadrature; residuals end below 10⁻¹².
    pub fn lloyd_max_levels(self, bits: u32) -> Vec<f64> {
        let mut upper = self.companded(1 << (bits - 1));
        for _ in 0..MAX_STEPS {
            let step = self.newton_step(&upper);
            let size = step.iter().fold(0.0f64, |size, x| size.max(x.abs()));
            if size < 1e-13 || !size.is_finite() {
                break;
            }
            // A whole step unless it would put a level past its neighbour.
            let mut share = 1.0;
            let moved = |share: f64| -> Vec<f64> {
                upper.iter().zip(&step).map(|(y, d)| y + share * d).collect()
            };
            while share > 1e-3 && !is_ascending(&moved(share)) {
                share /= 2.0;
            }
            upper = moved(share);
        }
        upper.iter().rev().map(|y| -y).chain(upper.iter().copied()).collect()
    }

    /// The positive levels by high-resolution theory: their density is the cube root of `p` (Panter
    /// and Dite 1951).
    fn companded(self, n: usize) -> Vec<f64> {
        const N_STEPS: usize = 20_000;
        // The cube root reaches √3 and 3 times as far.
        let width = self.reach() / N_STEPS as f64;
        let root = |i: usize| self.at((i as f64 + 0.5) * width).cbrt();
        let total: f64 = (0..N_STEPS).map(root).sum();
        let mut levels = Vec::with_capacity(n);
        let mut below = 0.0;
        for i in 0..N_STEPS {
            let share = (levels.len() as f64 + 0.5) / n as f64;
            if levels.len() < n && below / total >= share {
                levels.push(i as f64 * width);
            }
            below += root(i);
        }
        levels
    }

    /// Solves `J·d = −r` for `r_i = y_i − mean(t_{i−1}, t_i)`, `t_i = (y_i + y_{i+1})/2`, `t_0 = 0`; J has
    /// three diagonals, since a bound moves by half of either level.
    fn newton_step(self, levels: &[f64]) -> Vec<f64> {
        let n = levels.len();
        let mut bounds = vec![0.0];
        bounds.extend(levels.windows(2).map(|pair| (pair[0] + pair[1]) / 2.0));
        bounds.push(f64::INFINITY);
        let (mut above, mut right) = (vec![0.0; n], vec![0.0; n]);
        let mut before = (0.0, 0.0);
        for i in 0..n {
            let (from, to) = (bounds[i], bounds[i + 1]);
            let cell = self.cell(from, to);
            // How the mean moves with its bounds: (mean − from)·p(from)/mass and alike.
            let by_from = if i == 0 { 0.0 } else { (cell.mean - from) * self.at(from) / cell.mass };
            let by_to = if i + 1 == n { 0.0 } else { (to - cell.mean) * self.at(to) / cell.mass };
            let (lower, middle) = (-by_from / 2.0, 1.0 - (by_from + by_to) / 2.0);
            let upper = -by_to / 2.0;
            let pivot = middle - lower * before.0;
            above[i] = upper / pivot;
            right[i] = (cell.mean - levels[i] - lower * before.1) / pivot;
            before = (above[i], right[i]);
        }
        for i in (0..n.saturating_sub(1)).rev() {
            right[i] -= above[i] * right[i + 1];
        }
        right
    }

    /// Mass and mean between two bounds, the second of which may be infinite.
    fn cell(self, from: f64, to: f64) -> Cell {
        let to = to.min(from + self.reach());
        let n_pieces = ((to - from) / 0.25).ceil().max(1.0);
        let half = (to - from) / n_pieces / 2.0;
        let (mut mass, mut moment) = (0.0, 0.0);
        for piece in 0..n_pieces as usize {
            let middle = from + half * (2 * piece + 1) as f64;
            for (node, weight) in GAUSS_8 {
                for offset in [-half * node, half * node] {
                    let share = weight * half * self.at(middle + offset);
                    mass += share;
                    // About `from`, so that narrow cells keep their digits.
                    moment += share * (middle + offset - from);
                }
            }
        }
        Cell { mass, mean: from + moment / mass }
    }
}

struct Cell {
    mass: f64,
    mean: f64,
}

const MAX_STEPS: usize = 100;

/// Nodes and weights of the eight-point Gauss–Legendre rule, one side.
const GAUSS_8: [(f64, f64); 4] = [
    (0.183_434_642_495_649_8, 0.362_683_783_378_362),
    (0.525_532_409_916_329, 0.313_706_645_877_887_3),
    (0.796_666_477_413_626_7, 0.222_381_034_453_374_48),
    (0.960_289_856_497_536_3, 0.101_228_536_290_376_26),
];

fn is_ascending(levels: &[f64]) -> bool {
    levels.first().is_some_and(|&first| first > 0.0)
        && levels.windows(2).all(|pair| pair[0] < pair[1])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Max 1960, table I, as printed.
    #[test]
    fn gaussian_levels_are_those_of_the_paper() {
        for (bits, wanted) in [
            (1, vec![0.798]),
            (2, vec![0.4528, 1.510]),
            (3, vec![0.2451, 0.7560, 1.344, 2.152]),
            (4, vec![0.1284, 0.3881, 0.6568, 0.9424, 1.256, 1.618, 2.069, 2.733]),
        ] {
            let found = Density::Gaussian.lloyd_max_levels(bits);
            assert_eq!(found.len(), 1 << bits);
            for (found, wanted) in found[wanted.len()..].iter().zip(&wanted) {
                assert!((found / wanted - 1.0).abs() < 6e-4, "{bits} bits: {found}, {wanted}");
            }
        }
    }

    #[test]
    fn each_level_is_the_mean_of_its_cell() {
        for density in [Density::Gaussian, Density::Laplacian] {
            for bits in 1..=8 {
                let levels = density.lloyd_max_levels(bits);
                let upper = &levels[levels.len() / 2..];
                assert!(is_ascending(upper), "{density:?}, {bits} bits");
                let residual = density.newton_step(upper);
                let largest = residual.iter().fold(0.0f64, |size, x| size.max(x.abs()));
                assert!(largest < 1e-11, "{density:?}, {bits} bits: {largest:e}");
                assert!(levels.iter().zip(levels.iter().rev()).all(|(a, b)| *a == -b));
            }
        }
    }

    /// The outermost mean of a memoryless tail lies 1 beyond its bound.
    #[test]
    fn one_laplacian_bit_is_known() {
        assert!((Density::Laplacian.lloyd_max_levels(1)[1] - 1.0).abs() < 1e-13);
    }
}
