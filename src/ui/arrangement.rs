//! Where the panels of an arrangement stand at first: which are tabs of one place, which are beside or
//! over each other. Panels that there are not are left out.

use egui_tiles::{Linear, LinearDir, TileId, Tiles, Tree};

use super::dock::Preset;
use super::panel::{PANELS, Place, find_panel};

/// They serve the bench; elsewhere they come when they are asked for, so that no tabs are out of sight.
pub(super) const OF_BENCH: [&str; 6] =
    ["sensitivity", "front", "versus", "budget", "rules", "hints"];

/// The panels of an arrangement as they stand at first.
pub(super) fn arranged(preset: Preset) -> Tree<String> {
    let mut tiles = Tiles::default();
    let usual = |place| -> Vec<&'static str> {
        ids_at(place).into_iter().filter(|id| !OF_BENCH.contains(id)).collect()
    };
    let (left, centre, right) = (usual(Place::Left), usual(Place::Centre), usual(Place::Right));
    let columns = match preset {
        Preset::Explore => {
            vec![
                tabs_of(&mut tiles, &left),
                tabs_of(&mut tiles, &centre),
                tabs_of(&mut tiles, &right),
            ]
        }
        Preset::Allocate => bench_columns(&mut tiles),
        Preset::Teach => {
            let views: Vec<&str> = centre.into_iter().chain(left).collect();
            vec![tabs_of(&mut tiles, &views), tabs_of(&mut tiles, &right)]
        }
    };
    let columns: Vec<TileId> = columns.into_iter().flatten().collect();
    let root = tiles.insert_horizontal_tile(columns);
    Tree::new(egui::Id::unique("dock"), root, tiles)
}

/// The bench with every view behind it, over what is measured and what was tried; the budget with
/// the settings behind it, over rules and hints.
fn bench_columns(tiles: &mut Tiles<String>) -> Vec<Option<TileId>> {
    const BELOW: [&str; 2] = ["sensitivity", "front"];
    const RIGHT_BELOW: [&str; 2] = ["rules", "hints"];
    let stands_apart = |id: &&str| !BELOW.contains(id) && !RIGHT_BELOW.contains(id);
    // In front, then its neighbour, then the others.
    let tabs = |front: [&'static str; 2], places: &[Place]| -> Vec<&'static str> {
        let ids = places.iter().flat_map(|place| ids_at(*place)).filter(stands_apart);
        let others = ids.filter(|id| !front.contains(id));
        present(&front).into_iter().chain(others).collect()
    };
    let above = tabs_of(tiles, &tabs(["bench", "layers"], &[Place::Left, Place::Centre]));
    let beside = present(&BELOW).into_iter().filter_map(|id| tabs_of(tiles, &[id])).collect();
    let below = linear(tiles, LinearDir::Horizontal, beside, &[1.0, 1.4]);
    let centre = [above, below].into_iter().flatten().collect();
    let budget = tabs_of(tiles, &tabs(["budget", "quantizer"], &[Place::Right]));
    let under = present(&RIGHT_BELOW).into_iter().filter_map(|id| tabs_of(tiles, &[id]));
    let right = budget.into_iter().chain(under.collect::<Vec<_>>()).collect();
    vec![
        linear(tiles, LinearDir::Vertical, centre, &[1.0, 1.1]),
        linear(tiles, LinearDir::Vertical, right, &[1.5, 0.75, 0.75]),
    ]
}

/// Those that there are.
fn present(ids: &[&'static str]) -> Vec<&'static str> {
    ids.iter().copied().filter(|id| find_panel(id).is_some()).collect()
}

/// Beside or over each other by these shares; one alone needs no container.
fn linear(
    tiles: &mut Tiles<String>,
    direction: LinearDir,
    children: Vec<TileId>,
    shares: &[f32],
) -> Option<TileId> {
    if children.len() < 2 {
        return children.first().copied();
    }
    let mut linear = Linear::new(direction, children.clone());
    for (child, share) in children.into_iter().zip(shares) {
        linear.shares.set_share(child, *share);
    }
    Some(tiles.insert_container(linear))
}

fn tabs_of(tiles: &mut Tiles<String>, ids: &[&str]) -> Option<TileId> {
    let panes: Vec<TileId> = ids.iter().map(|id| tiles.insert_pane((*id).to_owned())).collect();
    (!panes.is_empty()).then(|| tiles.insert_tab_tile(panes))
}

fn ids_at(place: Place) -> Vec<&'static str> {
    PANELS.iter().filter(|entry| entry.place == place).map(|entry| entry.id).collect()
}
