//! The picture against its obvious twin.

use super::*;
use crate::session::sheet::Layout;
use ndarray::IxDyn;

fn number(i: usize) -> f32 {
    ((i * 7919) % 1009) as f32 / 504.0 - 1.0
}

fn source(values: Vec<f32>) -> Arc<RasterSource> {
    let quantized = values.iter().map(|x| (x * 4.0).round_ties_even() / 4.0).collect();
    let codes = values.iter().map(|x| (x * 4.0).round_ties_even()).collect();
    let tensor = |data: Vec<f32>| Tensor::from_shape_vec(IxDyn(&[data.len()]), data).unwrap();
    let range = Some(CodeRange { qmin: -4, qmax: 4 });
    let quantized = (Some(tensor(quantized)), Some(tensor(codes)));
    let source = RasterSource::new(&tensor(values), quantized, range, &WorkCtx::new());
    Arc::new(source.unwrap())
}

fn raster(dims: &[usize], shown: Shown, region: Option<CellRegion>) -> Raster {
    let values = (0..dims.iter().product()).map(number).collect();
    let arrangement = Arrangement::default_of(dims);
    let sheet = Sheet::new(dims, 0, &arrangement);
    let view = RasterView { shown, arrangement, region, block: (1, 1) };
    Raster::compute(0, &view, sheet, source(values), &WorkCtx::new()).unwrap()
}

#[test]
fn small_sheets_have_a_pixel_a_weight() {
    for shown in [Shown::Value, Shown::Error, Shown::Code] {
        let raster = raster(&[3, 2, 2, 3], shown, None);
        assert!(raster.is_exact());
        assert_eq!(raster.size, [6, 6]);
        let (lo, hi, _) = raster.source.scale(shown);
        for row in 0..6 {
            for column in 0..6 {
                let (out, y, input, x) = (row / 2, row % 2, column / 3, column % 3);
                let element = ((out * 2 + input) * 2 + y) * 3 + x;
                let pixel = raster.pixel_of(row, column).unwrap();
                assert_eq!(raster.element_at(pixel), Some(element));
                let weight = number(element);
                let code = (weight * 4.0).round_ties_even();
                let wanted = match shown {
                    Shown::Value => weight,
                    Shown::Error => weight - code / 4.0,
                    Shown::Code => code,
                };
                assert_eq!(raster.source.shown(shown, element), Some(wanted));
                let shade = ((wanted - lo) / (hi - lo) * 255.0).round() as u8;
                assert_eq!(raster.shades[pixel], shade, "{shown:?} {row} {column}");
            }
        }
    }
}

#[test]
fn large_sheets_show_the_largest_of_each_block() {
    let dims = [5000, 70];
    let raster = raster(&dims, Shown::Value, None);
    assert_eq!((raster.block, raster.size), ((4, 1), [70, 1250]));
    for (row, column) in [(0, 0), (1249, 69), (600, 13)] {
        let twin = (row * 4..row * 4 + 4)
            .map(|r| r * 70 + column)
            .reduce(|a, b| if number(b).abs() > number(a).abs() { b } else { a });
        assert_eq!(raster.element_at(row * 70 + column), twin, "{row} {column}");
    }
}

#[test]
fn a_region_is_the_same_part_of_the_sheet() {
    let region = CellRegion { row: 4800, column: 10, n_rows: 900, n_columns: 20 };
    let raster = raster(&[5000, 70], Shown::Value, Some(region));
    assert_eq!((raster.size, raster.block), ([20, 200], (1, 1)));
    let pixel = raster.pixel_of(4810, 12).unwrap();
    assert_eq!(raster.element_at(pixel), Some(4810 * 70 + 12));
    assert_eq!(raster.pixel_of(4799, 12), None);
    assert_eq!(raster.pixel_of(4810, 30), None);
}

#[test]
fn pictures_are_bounded() {
    for (n_rows, n_columns) in
        [(1, 1), (0, 0), (2048, 512), (2048, 2048), (30_000, 64), (64, 1 << 26), (9000, 70_000)]
    {
        let (down, across) = pixel_blocks(n_rows, n_columns);
        let size = (n_rows.div_ceil(down), n_columns.div_ceil(across));
        assert!(size.0 <= MAX_SIDE && size.1 <= MAX_SIDE, "{n_rows} × {n_columns}: {size:?}");
        assert!(size.0 * size.1 <= MAX_PIXELS, "{n_rows} × {n_columns}: {size:?}");
    }
    assert_eq!(pixel_blocks(1024, 1024), (1, 1));
}

#[test]
fn the_limit_leaves_a_thousandth_beyond() {
    let limit = |values: &[f32]| limit_of(values.len(), |i| values[i], &WorkCtx::new()).unwrap();
    let values: Vec<f32> = (0..10_000).map(|i| i as f32 - 5000.0).collect();
    let found = limit(&values);
    let beyond = values.iter().filter(|x| x.abs() > found.magnitude).count();
    assert_eq!(found.n_beyond, beyond);
    assert!(beyond <= 10 && found.magnitude >= 4950.0, "{found:?}");
    for (name, values, wanted) in [
        ("few weights", vec![1.0, -3.0, 2.0], 3.0),
        ("zeros", vec![0.0; 2000], 1.0),
        ("one among zeros", [vec![0.0; 2000], vec![-7.0]].concat(), 7.0),
        ("nothing", vec![], 1.0),
        ("no numbers", vec![f32::NAN, f32::INFINITY, -2.0], 2.0),
    ] {
        assert_eq!(limit(&values), Limit { magnitude: wanted, n_beyond: 0 }, "{name}");
    }
}

#[test]
fn what_is_no_number_is_seen_in_its_block() {
    let mut values: Vec<f32> = (0..5000 * 70).map(number).collect();
    values[2 * 70 + 5] = f32::NAN;
    let arrangement =
        Arrangement { layout: Layout::Slice { rows: 0, columns: 1 }, fixed: vec![0; 2] };
    let sheet = Sheet::new(&[5000, 70], 0, &arrangement);
    let view = RasterView { shown: Shown::Value, arrangement, region: None, block: (1, 1) };
    let raster = Raster::compute(0, &view, sheet, source(values), &WorkCtx::new()).unwrap();
    assert_eq!(raster.element_at(5), Some(2 * 70 + 5));
    assert_eq!(raster.kinds[5], PixelKind::NotFinite);
    assert!(raster.has_non_finite());
}
