//! Where names stand beside the marks of a plot, so that none covers another.

use egui::{Pos2, Rect, Vec2, vec2};

/// Kept free around a name.
const GAP: f32 = 2.0;

/// A place for each name in turn, those first in line first; `None` for one without room.
///
/// - `wanted`: the mark's centre, the room between it and its name, and the size of that.
/// - `taken`: what no name may cover.
pub fn place(wanted: &[(Pos2, f32, Vec2)], taken: &[Rect], frame: Rect) -> Vec<Option<Rect>> {
    let mut taken = taken.to_vec();
    wanted
        .iter()
        .map(|&(at, reach, size)| {
            let free = sides(at, reach, size).into_iter().find(|rect| {
                let kept = rect.expand(GAP);
                frame.contains_rect(*rect) && !taken.iter().any(|other| other.intersects(kept))
            });
            taken.extend(free);
            free
        })
        .collect()
}

/// Beside the mark and in its corners, the preferred first.
fn sides(at: Pos2, reach: f32, size: Vec2) -> [Rect; 8] {
    let (right, below) = (reach + size.x / 2.0, reach + size.y / 2.0);
    let corner = vec2(reach * 0.7 + size.x / 2.0, reach * 0.7 + size.y / 2.0);
    [
        vec2(right, 0.0),
        vec2(-right, 0.0),
        vec2(0.0, -below),
        vec2(0.0, below),
        vec2(-corner.x, -corner.y),
        vec2(corner.x, corner.y),
        vec2(corner.x, -corner.y),
        vec2(-corner.x, corner.y),
    ]
    .map(|offset| Rect::from_center_size(at + offset, size))
}

/// Which points no other passes: none has more `y` at the same or less `x`.
pub fn front(points: &[[f64; 2]]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..points.len()).collect();
    order.sort_by(|&a, &b| {
        let (a, b) = (points[a], points[b]);
        a[0].total_cmp(&b[0]).then(b[1].total_cmp(&a[1]))
    });
    let mut best = f64::NEG_INFINITY;
    order.retain(|&idx| {
        let is_better = points[idx][1] > best;
        best = best.max(points[idx][1]);
        is_better
    });
    order
}

#[cfg(test)]
mod tests {
    use super::*;
    use egui::pos2;

    #[test]
    fn names_keep_apart_and_inside() {
        let frame = Rect::from_min_size(pos2(0.0, 0.0), vec2(200.0, 100.0));
        let marks: Vec<Pos2> = (0..30).map(|k| pos2(8.0 * k as f32, 50.0)).collect();
        let size = vec2(40.0, 12.0);
        let wanted: Vec<(Pos2, f32, Vec2)> = marks.iter().map(|&at| (at, 9.0, size)).collect();
        let taken: Vec<Rect> =
            marks.iter().map(|&at| Rect::from_center_size(at, vec2(6.0, 6.0))).collect();
        let places = place(&wanted, &taken, frame);
        let placed: Vec<Rect> = places.iter().copied().flatten().collect();
        assert!(placed.len() >= 4 && placed.len() < 30, "{}", placed.len());
        for (idx, rect) in placed.iter().enumerate() {
            assert!(frame.contains_rect(*rect), "{rect}");
            assert!(placed[idx + 1..].iter().chain(&taken).all(|other| !other.intersects(*rect)));
        }
        let alone = place(&wanted[5..6], &[], frame);
        assert_eq!(alone[0].unwrap().left(), 49.0, "to the right where there is room");
    }

    #[test]
    fn the_front_is_what_none_passes() {
        let points = [[4.0, 20.0], [4.0, 18.0], [4.5, 19.0], [8.0, 40.0], [2.0, 8.0], [8.5, 40.0]];
        assert_eq!(front(&points), [4, 0, 3]);
        assert_eq!(front(&[]), [0usize; 0]);
    }
}
