//! What a box says of itself under the pointer.

use egui::{RichText, Ui};

use crate::base::{bytes, counted, fixed, percent};
use crate::model::{Graph, Network, Node};
use crate::session::graph_layout::{BoxKind, GraphBox};
use crate::ui::layer_title::choice_words;
use crate::ui::panel::PanelCtx;
use crate::ui::short_name::fitted;
use crate::ui::theme::{self, Theme};
use crate::ui::widgets::name_it;

/// Nodes of a merged box that are told one by one.
const MAX_NODES: usize = 8;
const MAX_ATTRIBUTES: usize = 8;
const MAX_NAMES: usize = 4;
/// Values stand at its right end.
const WIDTH: f32 = 340.0;

pub(super) fn hover_ui(ui: &mut Ui, ctx: &PanelCtx, graph_box: &GraphBox) {
    let Some(network) = ctx.session.network() else { return };
    let Some(graph) = &network.graph else { return };
    ui.set_width(WIDTH);
    ui.spacing_mut().item_spacing.y = 2.0;
    let nodes: Vec<&Node> =
        graph_box.nodes.iter().filter_map(|&node_idx| graph.nodes.get(node_idx)).collect();
    match (&graph_box.kind, nodes.as_slice()) {
        (BoxKind::Input(input_idx), _) => input_ui(ui, graph, *input_idx),
        (BoxKind::Output, _) => {
            heading(ui, &graph_box.title, "output of the graph");
        }
        (_, [node]) => node_ui(ui, node),
        (_, nodes) => nodes_ui(ui, nodes),
    }
    if let BoxKind::Layer(layer_idx) = graph_box.kind {
        layer_ui(ui, ctx, network, layer_idx);
    }
}

fn heading(ui: &mut Ui, name: &str, what: &str) {
    let theme = Theme::of(ui);
    ui.label(RichText::new(name).font(theme::title(12.0)).color(theme.text));
    ui.label(RichText::new(what).color(theme.label));
}

fn input_ui(ui: &mut Ui, graph: &Graph, input_idx: usize) {
    if let Some(input) = graph.inputs.get(input_idx) {
        heading(ui, &input.name, &format!("input of the graph, {}", input.dtype));
    }
}

fn node_ui(ui: &mut Ui, node: &Node) {
    let name = if node.name.is_empty() { "without a name" } else { &node.name };
    heading(ui, name, &node.op);
    names_ui(ui, "Inputs", &node.inputs);
    names_ui(ui, "Outputs", &node.outputs);
    for (key, value) in node.attributes.0.iter().take(MAX_ATTRIBUTES) {
        row(ui, key, &value.describe());
    }
    let n_more = node.attributes.0.len().saturating_sub(MAX_ATTRIBUTES);
    if n_more > 0 {
        row(ui, "", &format!("and {}", counted(n_more, "more attribute")));
    }
}

fn nodes_ui(ui: &mut Ui, nodes: &[&Node]) {
    heading(ui, &format!("{} nodes, one after another", nodes.len()), "");
    for node in nodes.iter().take(MAX_NODES) {
        row(ui, &node.op, &node.name);
    }
    if nodes.len() > MAX_NODES {
        row(ui, "", &format!("and {} more", nodes.len() - MAX_NODES));
    }
    if let (Some(first), Some(last)) = (nodes.first(), nodes.last()) {
        names_ui(ui, "Inputs", &first.inputs);
        names_ui(ui, "Outputs", &last.outputs);
    }
}

fn layer_ui(ui: &mut Ui, ctx: &PanelCtx, network: &Network, layer_idx: usize) {
    let Some(layer) = network.layers.get(layer_idx) else { return };
    ui.add_space(4.0);
    let shape: Vec<String> = layer.dims.iter().map(ToString::to_string).collect();
    row(ui, "Weight", &layer.weight);
    row(ui, "Shape", &format!("{}, {}", shape.join("×"), counted(layer.count(), "weight")));
    let all: usize = network.layers.iter().map(crate::model::Layer::count).sum();
    let share = percent(layer.count() as f64 / all.max(1) as f64, 1);
    row(ui, "Share", &format!("{share} of the weights"));
    let choice = ctx.session.choice(layer_idx);
    row(ui, "Quantized as", &choice_words(&choice));
    let error = ctx.session.layer_figures(layer_idx);
    if let Some(reason) = error.failure() {
        ui.label(RichText::new(reason).color(Theme::of(ui).bad));
    }
    let Some(error) = error.shown() else { return };
    let sqnr = error.sqnr();
    let text = match sqnr.db() {
        Some(db) => format!("{} dB", fixed(db, 1)),
        None => sqnr.case().unwrap_or_default().to_owned(),
    };
    row(ui, "SQNR", &text);
    row(ui, "Stored", &bytes(error.stored_bytes()));
}

/// What on the left, the value on the right, its middle left out where it is too long.
fn row(ui: &mut Ui, name: &str, value: &str) {
    let theme = Theme::of(ui);
    ui.horizontal(|ui| {
        ui.add(egui::Label::new(RichText::new(name).color(theme.label)).extend());
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
            let (font, ink) = (theme::mono(12.0), theme.text);
            let shown = fitted(ui.painter(), value, (font.clone(), ink), ui.available_width());
            let text = RichText::new(shown.text()).font(font).color(ink);
            let response = ui.add(egui::Label::new(text).extend());
            name_it(&response, value);
        });
    });
}

/// Each on a line of its own.
fn names_ui(ui: &mut Ui, what: &str, names: &[String]) {
    for (nth, name) in names.iter().take(MAX_NAMES).enumerate() {
        let name = if name.is_empty() { "none" } else { name };
        row(ui, if nth == 0 { what } else { "" }, name);
    }
    let n_more = names.len().saturating_sub(MAX_NAMES);
    if n_more > 0 {
        row(ui, "", &format!("and {n_more} more"));
    }
}
