//! Codes in 32-bit words, as compressed-tensors packs them: as many whole codes as fit, the first
//! one lowest, every row (or column) beginning a word of its own.

/// A matrix of codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WordGrid {
    pub n_rows: usize,
    pub n_columns: usize,
    /// 1 to 16.
    pub bits: u32,
    pub along: Along,
}

/// Neighbours that share a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Along {
    /// Codes of a row: the words are `n_rows × ⌈n_columns / codes a word⌉`.
    Rows,
    /// Codes of a column: the words are `⌈n_rows / codes a word⌉ × n_columns`.
    Columns,
}

impl WordGrid {
    fn per_word(self) -> usize {
        (32 / self.bits.clamp(1, 32)) as usize
    }

    /// Rows and columns of words.
    pub fn word_dims(self) -> (usize, usize) {
        match self.along {
            Along::Rows => (self.n_rows, self.n_columns.div_ceil(self.per_word())),
            Along::Columns => (self.n_rows.div_ceil(self.per_word()), self.n_columns),
        }
    }

    /// Bytes of all words.
    pub fn n_bytes(self) -> usize {
        let (rows, columns) = self.word_dims();
        rows.saturating_mul(columns).saturating_mul(4)
    }

    /// The word of a code, and the bit it begins at.
    fn place(self, row: usize, column: usize) -> (usize, u32) {
        let per_word = self.per_word();
        let (_, word_columns) = self.word_dims();
        let (word, within) = match self.along {
            Along::Rows => (row * word_columns + column / per_word, column % per_word),
            Along::Columns => (row / per_word * word_columns + column, row % per_word),
        };
        (word, within as u32 * self.bits)
    }

    fn places(self) -> impl Iterator<Item = (usize, u32)> {
        (0..self.n_rows)
            .flat_map(move |row| (0..self.n_columns).map(move |column| self.place(row, column)))
    }

    /// The lowest bits of codes given row by row, as little-endian words.
    pub fn pack(self, codes: &[i32]) -> Vec<u8> {
        let mask = (1u32 << self.bits) - 1;
        let mut words = vec![0u32; self.n_bytes() / 4];
        for ((word, shift), &code) in self.places().zip(codes) {
            if let Some(word) = words.get_mut(word) {
                *word |= (code as u32 & mask) << shift;
            }
        }
        words.into_iter().flat_map(u32::to_le_bytes).collect()
    }

    /// The inverse of [`pack`](Self::pack): bit patterns row by row, 0 beyond the end of `bytes`.
    pub fn unpack(self, bytes: &[u8]) -> Vec<i32> {
        let mask = (1u32 << self.bits) - 1;
        let (words, _) = bytes.as_chunks::<4>();
        let word = |at: usize| words.get(at).map_or(0, |&word| u32::from_le_bytes(word));
        self.places().map(|(at, shift)| (word(at) >> shift & mask) as i32).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_width_comes_back_either_way() {
        for bits in 1..=8u32 {
            for along in [Along::Rows, Along::Columns] {
                let grid = WordGrid { n_rows: 5, n_columns: 13, bits, along };
                let codes: Vec<i32> = (0..65).map(|i| (i * 7 + i / 5) % (1 << bits)).collect();
                let packed = grid.pack(&codes);
                assert_eq!(packed.len(), grid.n_bytes(), "{bits} bits, {along:?}");
                assert_eq!(grid.unpack(&packed), codes, "{bits} bits, {along:?}");
            }
        }
    }

    #[test]
    fn the_first_code_is_lowest_and_rows_begin_words() {
        let grid = WordGrid { n_rows: 2, n_columns: 9, bits: 4, along: Along::Rows };
        let codes: Vec<i32> = (0..18).map(|i| i % 16).collect();
        let words: Vec<u32> =
            grid.pack(&codes).as_chunks().0.iter().map(|&w| u32::from_le_bytes(w)).collect();
        assert_eq!(words, [0x7654_3210, 8, 0x0fed_cba9, 1]);
    }
}
