//! How a tensor of any shape lies on a sheet of rows and columns: a slice along two axes, or the
//! kernels of a convolution as tiles.

/// Which cells of the sheet hold which weights.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Arrangement {
    pub layout: Layout,
    /// One index an axis; only those of axes that are not laid out count.
    pub fixed: Vec<usize>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Layout {
    /// Two axes as rows and columns.
    Slice { rows: usize, columns: usize },
    /// A grid of tiles, first axis down, second across; a tile is the last two axes (of three axes
    /// the last, as one row). With one tile a row or column the tiles wrap into a block.
    Tiles,
}

/// Cells from `row` and `column` on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CellRegion {
    pub row: usize,
    pub column: usize,
    pub n_rows: usize,
    pub n_columns: usize,
}

/// One level of one direction: `len` steps of `stride` elements along `axis`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Extent {
    axis: Option<usize>,
    len: usize,
    stride: usize,
}

const ONE: Extent = Extent { axis: None, len: 1, stride: 0 };

/// A tensor laid out: cells of tiles, tiles of a grid.
#[derive(Clone, Debug, PartialEq)]
pub struct Sheet {
    dims: Vec<usize>,
    strides: Vec<usize>,
    /// The axis of the channels.
    channel_axis: usize,
    /// Down and across within a tile.
    tile: [Extent; 2],
    /// Tiles down and across.
    grid: [Extent; 2],
    /// Number of tiles where they wrap; the last row may have fewer.
    n_wrapped: Option<usize>,
    /// The element of the first cell.
    base: usize,
}

impl Arrangement {
    /// Matrices as they are, with more axes tiles.
    pub fn default_of(dims: &[usize]) -> Self {
        let layout = match Self::has_tiles(dims) {
            true => Layout::Tiles,
            false => Layout::Slice { rows: 0, columns: 1 },
        };
        Self { layout, fixed: vec![0; dims.len()] }
    }

    /// Whether there are kernels to be shown as tiles: of more than one weight each.
    pub fn has_tiles(dims: &[usize]) -> bool {
        dims.iter().skip(2).any(|&len| len > 1)
    }

    /// The axes that are laid out; all others are fixed at one index.
    pub fn shown_axes(&self, rank: usize) -> Vec<usize> {
        match self.layout {
            Layout::Slice { rows, columns } => vec![rows, columns],
            Layout::Tiles if rank <= 3 => (0..rank).collect(),
            Layout::Tiles => vec![0, 1, rank - 2, rank - 1],
        }
    }
}

impl Sheet {
    /// Axes and indices beyond the tensor's count as its last.
    pub fn new(dims: &[usize], channel_axis: usize, arrangement: &Arrangement) -> Self {
        let rank = dims.len();
        let mut strides = vec![1usize; rank];
        for axis in (0..rank.saturating_sub(1)).rev() {
            strides[axis] = strides[axis + 1].saturating_mul(dims[axis + 1]);
        }
        let along = |axis: usize| match (dims.get(axis), strides.get(axis)) {
            (Some(&len), Some(&stride)) => Extent { axis: Some(axis), len, stride },
            _ => ONE,
        };
        let (tile, grid) = match arrangement.layout {
            _ if rank < 2 => ([ONE, along(0)], [ONE, ONE]),
            Layout::Slice { rows, columns } => {
                let (rows, columns) = (rows.min(rank - 1), columns.min(rank - 1));
                // The same axis twice would show a diagonal; the next one is taken instead.
                let columns = if columns == rows { (rows + 1) % rank } else { columns };
                ([along(rows), along(columns)], [ONE, ONE])
            }
            Layout::Tiles if rank == 2 => ([along(0), along(1)], [ONE, ONE]),
            Layout::Tiles if rank == 3 => ([ONE, along(2)], [along(0), along(1)]),
            Layout::Tiles => ([along(rank - 2), along(rank - 1)], [along(0), along(1)]),
        };
        let shown: Vec<usize> = tile.iter().chain(&grid).filter_map(|extent| extent.axis).collect();
        let base = (0..rank)
            .filter(|axis| !shown.contains(axis))
            .map(|axis| {
                let fixed = arrangement.fixed.get(axis).copied().unwrap_or(0);
                fixed.min(dims[axis].saturating_sub(1)) * strides[axis]
            })
            .sum();
        let (grid, n_wrapped) = wrapped(tile, grid);
        Self { dims: dims.to_vec(), strides, channel_axis, tile, grid, n_wrapped, base }
    }

    pub fn n_rows(&self) -> usize {
        self.tile[0].len * self.grid[0].len
    }

    pub fn n_columns(&self) -> usize {
        self.tile[1].len * self.grid[1].len
    }

    /// Rows and columns of a tile, where there are several tiles of several cells.
    pub fn tile_size(&self) -> Option<(usize, usize)> {
        let is_tiled = self.grid[0].len * self.grid[1].len > 1;
        let size = (self.tile[0].len, self.tile[1].len);
        (is_tiled && size != (1, 1)).then_some(size)
    }

    /// Axes from outer to inner that run down (0) or across (1), and whether they are wrapped.
    pub fn axes(&self, direction: usize) -> Vec<usize> {
        let direction = direction.min(1);
        [self.grid[direction].axis, self.tile[direction].axis].into_iter().flatten().collect()
    }

    /// Whether the tiles of one axis are wrapped into a block.
    pub fn is_wrapped(&self) -> bool {
        self.n_wrapped.is_some()
    }

    /// The whole sheet.
    pub fn region(&self) -> CellRegion {
        CellRegion { row: 0, column: 0, n_rows: self.n_rows(), n_columns: self.n_columns() }
    }

    /// The place of a cell's weight in the tensor, row-major; `None` beside the sheet and in the
    /// gap after the last wrapped tile.
    pub fn element(&self, row: usize, column: usize) -> Option<usize> {
        if row >= self.n_rows() || column >= self.n_columns() {
            return None;
        }
        let [down, across] = self.tile;
        let (tile_row, in_row) = (row / down.len, row % down.len);
        let (tile_column, in_column) = (column / across.len, column % across.len);
        if self.n_wrapped.is_some_and(|n| tile_row * self.grid[1].len + tile_column >= n) {
            return None;
        }
        let in_tile = in_row * down.stride + in_column * across.stride;
        let of_tile = tile_row * self.grid[0].stride + tile_column * self.grid[1].stride;
        Some(self.base + of_tile + in_tile)
    }

    /// The index of an element along every axis.
    pub fn index_of(&self, element: usize) -> Vec<usize> {
        let along = self.strides.iter().zip(&self.dims);
        along.map(|(stride, len)| element / (*stride).max(1) % (*len).max(1)).collect()
    }

    /// The channel an element belongs to.
    pub fn channel_of(&self, element: usize) -> usize {
        self.index_of(element).get(self.channel_axis).copied().unwrap_or(0)
    }

    /// The cells of a channel, where they lie together.
    pub fn channel_region(&self, channel_idx: usize) -> Option<CellRegion> {
        let axis = Some(self.channel_axis);
        let [down, across] = self.tile;
        let band = |start: usize, len: usize, direction: usize| {
            let mut region = self.region();
            let (first, extent) = match direction {
                0 => (&mut region.row, &mut region.n_rows),
                _ => (&mut region.column, &mut region.n_columns),
            };
            let is_there = start + len <= *extent;
            (*first, *extent) = (start, len);
            is_there.then_some(region)
        };
        let is_grid = [0, 1].map(|direction| self.grid[direction].axis == axis);
        let is_single = [0, 1].map(|direction| self.grid[direction].len == 1);
        match self.n_wrapped {
            Some(n_tiles) if is_grid[1] => (channel_idx < n_tiles).then(|| CellRegion {
                row: channel_idx / self.grid[1].len * down.len,
                column: channel_idx % self.grid[1].len * across.len,
                n_rows: down.len,
                n_columns: across.len,
            }),
            Some(_) => None,
            None if is_grid[0] => band(channel_idx * down.len, down.len, 0),
            None if is_grid[1] => band(channel_idx * across.len, across.len, 1),
            None if down.axis == axis && is_single[0] => band(channel_idx, 1, 0),
            None if across.axis == axis && is_single[1] => band(channel_idx, 1, 1),
            None => None,
        }
    }

    /// What stands beside the tile or cell `index` down (0) or across (1): its index along the outer
    /// axis; where tiles wrap, the channel a line starts with and the place within the line.
    pub fn label(&self, direction: usize, index: usize) -> String {
        match (self.n_wrapped, direction) {
            (Some(_), 0) => (index * self.grid[1].len).to_string(),
            (Some(_), _) => format!("+{index}"),
            (None, _) => index.to_string(),
        }
    }

    /// Cells that a label stands for, down (0) or across (1): a tile, or one.
    pub fn label_step(&self, direction: usize) -> usize {
        let direction = direction.min(1);
        let is_tiled = self.grid[0].len * self.grid[1].len > 1;
        if is_tiled { self.tile[direction].len } else { 1 }
    }
}

/// Tiles in one long row or column become a block somewhat wider than high.
fn wrapped(tile: [Extent; 2], grid: [Extent; 2]) -> ([Extent; 2], Option<usize>) {
    let line = match grid {
        [down, across] if across.len == 1 && down.len > 1 => down,
        [down, across] if down.len == 1 && across.len > 1 => across,
        _ => return (grid, None),
    };
    if tile[0].len <= 1 || tile[1].len == 0 {
        return (grid, None);
    }
    let n_tiles = line.len;
    let aspect = tile[0].len as f64 / tile[1].len as f64;
    let n_across = ((1.6 * n_tiles as f64 * aspect).sqrt().ceil() as usize).clamp(1, n_tiles);
    let across = Extent { len: n_across, ..line };
    let down = Extent {
        axis: None,
        len: n_tiles.div_ceil(n_across),
        stride: line.stride.saturating_mul(n_across),
    };
    ([down, across], Some(n_tiles))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    fn sheet(dims: &[usize], layout: Layout, fixed: &[usize]) -> Sheet {
        Sheet::new(dims, 0, &Arrangement { layout, fixed: fixed.to_vec() })
    }

    fn flat(dims: &[usize], index: &[usize]) -> usize {
        index.iter().zip(dims).fold(0, |flat, (i, len)| flat * len + i)
    }

    #[test]
    fn kernels_lie_as_tiles() {
        let dims = [4, 3, 2, 5];
        let sheet = sheet(&dims, Layout::Tiles, &[0; 4]);
        assert_eq!((sheet.n_rows(), sheet.n_columns()), (8, 15));
        assert_eq!(sheet.tile_size(), Some((2, 5)));
        for (out, input, y, x) in [(0, 0, 0, 0), (3, 2, 1, 4), (2, 1, 0, 3)] {
            let element = sheet.element(out * 2 + y, input * 5 + x);
            assert_eq!(element, Some(flat(&dims, &[out, input, y, x])));
            assert_eq!(sheet.index_of(element.unwrap()), [out, input, y, x]);
            assert_eq!(sheet.channel_of(element.unwrap()), out);
        }
        assert_eq!(sheet.element(8, 0), None);
        let wanted = CellRegion { row: 4, column: 0, n_rows: 2, n_columns: 15 };
        assert_eq!(sheet.channel_region(2), Some(wanted));
        assert_eq!(sheet.channel_region(4), None);
    }

    #[test]
    fn depthwise_kernels_wrap_into_a_block() {
        for dims in [[10, 1, 3, 3], [1, 10, 3, 3]] {
            let arrangement = Arrangement { layout: Layout::Tiles, fixed: vec![0; 4] };
            let axis = if dims[0] == 1 { 1 } else { 0 };
            let sheet = Sheet::new(&dims, axis, &arrangement);
            assert_eq!((sheet.n_rows(), sheet.n_columns()), (9, 12), "{dims:?}");
            assert_eq!(sheet.element(8, 11), None, "after the last tile");
            for channel in 0..10 {
                let region = sheet.channel_region(channel).unwrap();
                let first = sheet.element(region.row, region.column).unwrap();
                assert_eq!(first, channel * 9, "{dims:?}");
                assert_eq!(sheet.channel_of(first + 8), channel, "{dims:?}");
            }
        }
    }

    #[test]
    fn slices_take_any_two_axes() {
        let dims = [4, 3, 2, 5];
        for rows in 0..4 {
            for columns in (0..4).filter(|&columns| columns != rows) {
                let fixed = [3, 2, 1, 4];
                let sheet = sheet(&dims, Layout::Slice { rows, columns }, &fixed);
                assert_eq!((sheet.n_rows(), sheet.n_columns()), (dims[rows], dims[columns]));
                for row in 0..dims[rows] {
                    for column in 0..dims[columns] {
                        let mut index = fixed;
                        (index[rows], index[columns]) = (row, column);
                        let wanted = Some(flat(&dims, &index));
                        assert_eq!(sheet.element(row, column), wanted, "{rows} {columns}");
                    }
                }
            }
        }
    }

    /// Whatever the shape, every weight that the layout shows has one cell.
    #[test]
    fn every_shape_shows_each_weight_once() {
        let shapes: [&[usize]; 11] = [
            &[],
            &[7],
            &[3, 4],
            &[0, 4],
            &[4, 0],
            &[2, 3, 4],
            &[5, 1, 4],
            &[6, 1, 2, 2],
            &[2, 3, 4, 2, 3],
            &[1, 1, 1, 1],
            &[6, 2, 1, 1],
        ];
        for dims in shapes {
            let arrangement = Arrangement::default_of(dims);
            let sheet = Sheet::new(dims, 0, &arrangement);
            let cells =
                (0..sheet.n_rows()).flat_map(|r| (0..sheet.n_columns()).map(move |c| (r, c)));
            let elements: Vec<usize> = cells.filter_map(|(r, c)| sheet.element(r, c)).collect();
            let distinct: HashSet<usize> = elements.iter().copied().collect();
            let shown = arrangement.shown_axes(dims.len());
            let wanted: usize = (0..dims.len())
                .filter(|axis| shown.contains(axis))
                .map(|axis| dims[axis])
                .product();
            assert_eq!((elements.len(), distinct.len()), (wanted, wanted), "{dims:?}");
            let len = dims.iter().product::<usize>();
            assert!(elements.iter().all(|&element| element < len), "{dims:?}");
        }
    }

    #[test]
    fn axes_beyond_the_last_do_no_harm() {
        let odd = sheet(&[3, 4], Layout::Slice { rows: 9, columns: 9 }, &[]);
        assert_eq!((odd.n_rows(), odd.n_columns()), (4, 3));
        let same = sheet(&[3, 4], Layout::Slice { rows: 0, columns: 0 }, &[7, 7]);
        assert_eq!((same.n_rows(), same.n_columns()), (3, 4));
    }
}
