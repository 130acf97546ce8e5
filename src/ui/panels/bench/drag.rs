//! Bars held by their tops: which layers move, and to how many bits.

use egui::Ui;

use crate::quant::{SchemeChoice, SettingValue};
use crate::session::{Command, Gesture};
use crate::ui::panel::PanelCtx;

use super::height::{bits_range, refusal};

/// A top that is held, from the press of the mouse on.
pub(super) struct TopDrag {
    pub layer_idx: usize,
    /// Where the pointer is.
    pub y: f32,
    from_y: f32,
    points_per_bit: f32,
    moved: Vec<Moved>,
    step: i64,
    gesture: Gesture,
}

/// A layer as it was before.
#[derive(Clone, Debug)]
struct Moved {
    layer_idx: usize,
    choice: SchemeChoice,
}

impl TopDrag {
    /// `None` where the bar does not move.
    pub fn begin(ui: &Ui, ctx: &PanelCtx, layer_idx: usize, points_per_bit: f32) -> Option<Self> {
        // The press may lie some points before the first move.
        let (origin, pressed) =
            ui.input(|input| (input.pointer.press_origin(), input.pointer.press_start_time()));
        let (from_y, gesture) = (origin?.y, Gesture::Drag(pressed?.to_bits()));
        let moved = moved_with(ctx, layer_idx);
        let is_free = moved.iter().any(|moved| moved.layer_idx == layer_idx);
        is_free.then_some(Self {
            layer_idx,
            y: from_y,
            from_y,
            points_per_bit,
            moved,
            step: 0,
            gesture,
        })
    }

    /// Takes the bars to where the pointer is; a step is sent once.
    pub fn follow(&mut self, ctx: &PanelCtx, y: f32) {
        self.y = y;
        let step = ((self.from_y - y) / self.points_per_bit).round() as i64;
        let step = within_own_range(&self.moved, self.layer_idx, step);
        if step != self.step {
            self.step = step;
            send(ctx, &self.moved, step, self.gesture);
        }
    }
}

/// Moves a bar, and those selected with it, by a few bits.
pub(super) fn move_by(ctx: &PanelCtx, layer_idx: usize, step: i64) {
    let moved = moved_with(ctx, layer_idx);
    if moved.iter().any(|moved| moved.layer_idx == layer_idx) {
        send(ctx, &moved, within_own_range(&moved, layer_idx, step), Gesture::Once);
    }
}

/// The bar itself, and where it is among several that are selected, they; those alone that can move.
fn moved_with(ctx: &PanelCtx, layer_idx: usize) -> Vec<Moved> {
    let session = ctx.session;
    let selected = session.selected_layers();
    let layers = if selected.contains(&layer_idx) { selected } else { vec![layer_idx] };
    let moved = |layer_idx: usize| {
        let choice = session.choice(layer_idx);
        let is_free = refusal("", &choice, session.is_locked(layer_idx)).is_none();
        is_free.then_some(Moved { layer_idx, choice })
    };
    layers.into_iter().filter_map(moved).collect()
}

/// A step that leaves the bar that is held within what its scheme allows.
fn within_own_range(moved: &[Moved], layer_idx: usize, step: i64) -> i64 {
    let own = moved.iter().find(|moved| moved.layer_idx == layer_idx);
    let Some((bits, (min, max))) =
        own.and_then(|own| Some((own.choice.bits()?, bits_range(&own.choice)?)))
    else {
        return 0;
    };
    (bits + step).clamp(min, max) - bits
}

fn send(ctx: &PanelCtx, moved: &[Moved], step: i64, gesture: Gesture) {
    let Some(network) = ctx.session.network() else { return };
    let choices: Vec<(String, SchemeChoice)> = moved
        .iter()
        .filter_map(|Moved { layer_idx, choice }| {
            let name = network.layers.get(*layer_idx)?.name.clone();
            Some((name, stepped(choice, step)?))
        })
        .collect();
    match <[_; 1]>::try_from(choices) {
        Ok([(layer, choice)]) => ctx.send(Command::SetChoice { layer, choice, gesture }),
        Err(choices) => {
            ctx.send(Command::SetChoices { label: "bits".to_owned(), choices, gesture });
        }
    }
}

/// So many bits more, as far as the scheme allows.
fn stepped(choice: &SchemeChoice, step: i64) -> Option<SchemeChoice> {
    let (min, max) = bits_range(choice)?;
    let bits = (choice.bits()? + step).clamp(min, max);
    choice.with("bits", SettingValue::Int(bits)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_stop_where_the_scheme_ends() {
        let choice: SchemeChoice = "int4".parse().unwrap();
        for (step, wanted) in [(0, 4), (1, 5), (-2, 2), (-9, 2), (40, 16)] {
            assert_eq!(stepped(&choice, step).unwrap().bits(), Some(wanted), "{step}");
        }
        assert!(stepped(&"nf4".parse().unwrap(), 1).is_none());
        let moved = [Moved { layer_idx: 3, choice }];
        assert_eq!(within_own_range(&moved, 3, -5), -2);
        assert_eq!(within_own_range(&moved, 4, -5), 0, "another one");
    }
}
