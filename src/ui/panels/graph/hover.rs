//! What a box says of itself under the pointer.

use egui::{RichText, Ui};

use crate::base::{bytes, fixed, percent, thousands};
use crate::model::{Graph, Network, Node};
use crate::session::graph_layout::{BoxKind, GraphBox};
use crate::ui::panel::PanelCtx;
use crate::ui::theme::{self, Theme};

/// Nodes of a merged box that are told one by one.
const MAX_NODES: usize = 8;
const MAX_ATTRIBUTES: usize = 8;
/// The longest value of an attribute or list of names.
const MAX_LETTERS: usize = 44;

pub(super) fn hover_ui(ui: &mut Ui, ctx: &PanelCtx, graph_box: &GraphBox) {
    let Some(network) = ctx.session.network() else { return };
    let Some(graph) = &network.graph else { return };
    ui.set_max_width(380.0);
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
    row(ui, "Inputs", &names(&node.inputs));
    row(ui, "Outputs", &names(&node.outputs));
    for (key, value) in node.attributes.0.iter().take(MAX_ATTRIBUTES) {
        row(ui, key, &cut(&value.describe()));
    }
    let n_more = node.attributes.0.len().saturating_sub(MAX_ATTRIBUTES);
    if n_more > 0 {
        row(ui, "", &format!("and {n_more} more attributes"));
    }
}

fn nodes_ui(ui: &mut Ui, nodes: &[&Node]) {
    heading(ui, &format!("{} nodes, one after another", nodes.len()), "");
    for node in nodes.iter().take(MAX_NODES) {
        row(ui, &node.op, &cut(&node.name));
    }
    if nodes.len() > MAX_NODES {
        row(ui, "", &format!("and {} more", nodes.len() - MAX_NODES));
    }
    if let (Some(first), Some(last)) = (nodes.first(), nodes.last()) {
        row(ui, "Inputs", &names(&first.inputs));
        row(ui, "Outputs", &names(&last.outputs));
    }
}

fn layer_ui(ui: &mut Ui, ctx: &PanelCtx, network: &Network, layer_idx: usize) {
    let Some(layer) = network.layers.get(layer_idx) else { return };
    ui.add_space(4.0);
    let shape: Vec<String> = layer.dims.iter().map(ToString::to_string).collect();
    row(ui, "Weight", &cut(&layer.weight));
    row(ui, "Shape", &format!("{}, {} weights", shape.join("×"), thousands(layer.count())));
    let all: usize = network.layers.iter().map(crate::model::Layer::count).sum();
    let share = percent(layer.count() as f64 / all.max(1) as f64, 1);
    row(ui, "Share", &format!("{share} of the weights"));
    let choice = ctx.session.choice(layer_idx);
    row(ui, "Quantized as", &choice.to_string());
    let error = ctx.session.layer_error(layer_idx);
    if let Some(reason) = error.failure() {
        row(ui, "Error", reason);
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

fn row(ui: &mut Ui, name: &str, value: &str) {
    let theme = Theme::of(ui);
    ui.horizontal_top(|ui| {
        let size = egui::vec2(84.0, 16.0);
        ui.allocate_ui_with_layout(size, egui::Layout::left_to_right(egui::Align::Min), |ui| {
            ui.set_min_width(size.x);
            ui.add(egui::Label::new(RichText::new(name).color(theme.label)).truncate());
        });
        let value = RichText::new(value).font(theme::mono(12.0)).color(theme.text);
        ui.add(egui::Label::new(value).wrap());
    });
}

fn names(values: &[String]) -> String {
    let shown: Vec<String> = values
        .iter()
        .take(5)
        .map(|name| if name.is_empty() { "none".to_owned() } else { cut(name) })
        .collect();
    let more = values.len().saturating_sub(5);
    let more = if more > 0 { format!(", and {more} more") } else { String::new() };
    format!("{}{more}", shown.join(", "))
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(MAX_LETTERS) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}…", &text[..end]),
    }
}
