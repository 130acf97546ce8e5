//! From the nodes of a network to the boxes that are drawn: weights stand out, chains of the rest
//! become one line of text, and constant sub-graphs are folded away.

use std::collections::{BTreeSet, HashMap, HashSet};

use super::ShapeArithmetic;
use crate::model::{Dim, Graph, Links, Network, Node};

/// What a box stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BoxKind {
    /// What the caller provides, by its place in the graph's inputs.
    Input(usize),
    /// The name of a graph output.
    Output,
    /// A node that uses the weight of that layer.
    Layer(usize),
    /// Nodes without weights, one after another.
    Quiet,
}

/// A box to be laid out.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct BoxContent {
    pub kind: BoxKind,
    pub title: String,
    /// Places in the graph's nodes, in order.
    pub nodes: Vec<usize>,
}

/// Boxes and the edges between them.
pub(super) struct Contents {
    pub boxes: Vec<BoxContent>,
    pub edges: Vec<(usize, usize)>,
    /// Nodes that depend on no value but shapes and constants.
    pub n_constant: usize,
}

/// Letters of the operators named in one box; those beyond are counted.
const MAX_LETTERS: usize = 42;
/// The most nodes between a weight and its use, as the list of layers has it.
const MAX_STEPS: usize = 8;

impl Contents {
    pub fn new(network: &Network, graph: &Graph, shapes: ShapeArithmetic) -> Self {
        let links = Links::new(graph);
        let layers: Vec<Option<usize>> =
            graph.nodes.iter().map(|node| layer_of_node(node, &links, network)).collect();
        let constant = constant_nodes(network, graph, &layers);
        let hidden: &HashSet<usize> = match shapes {
            ShapeArithmetic::Hidden => &constant,
            ShapeArithmetic::Shown => &HashSet::new(),
        };
        let units = Units::new(graph, &layers, hidden);
        let mut contents = units.merged(network, graph, &layers);
        contents.n_constant = constant.len();
        contents
    }
}

/// The layer whose weight a node multiplies with or looks up in.
fn layer_of_node(node: &Node, links: &Links, network: &Network) -> Option<usize> {
    let operands: &[usize] = match node.op.as_str() {
        "Conv" | "ConvTranspose" | "Gemm" => &[1],
        "MatMul" => &[1, 0],
        "Gather" => &[0],
        _ => return None,
    };
    operands.iter().find_map(|&operand| {
        let mut value = node.inputs.get(operand)?;
        for _ in 0..=MAX_STEPS {
            if let Some(layer_idx) = network.layer_of_weight(value) {
                return Some(layer_idx);
            }
            let before = links.producer(value)?;
            if !["Transpose", "Reshape", "Identity", "Cast"].contains(&before.op.as_str()) {
                return None;
            }
            value = before.inputs.first()?;
        }
        None
    })
}

/// Nodes whose outputs are the same for every input of that shape: Shape and Size, and what reads
/// nothing but constants and such nodes. A node with a layer's weight is none, nor is one that
/// makes an output of the graph.
fn constant_nodes(network: &Network, graph: &Graph, layers: &[Option<usize>]) -> HashSet<usize> {
    let mut values: HashSet<&str> = HashSet::new();
    let mut found = HashSet::new();
    let is_tensor =
        |name: &str| network.model.store.info(name).is_some() || network.is_folded(name);
    let outputs: HashSet<&str> = graph.outputs.iter().map(String::as_str).collect();
    for (node_idx, node) in graph.nodes.iter().enumerate() {
        let mut inputs = node.inputs.iter().filter(|name| !name.is_empty());
        let is_shape = matches!(node.op.as_str(), "Shape" | "Size");
        let is_constant =
            is_shape || inputs.all(|name| is_tensor(name) || values.contains(name.as_str()));
        let is_output = node.outputs.iter().any(|name| outputs.contains(name.as_str()));
        if is_constant && !is_output && layers.get(node_idx).is_some_and(Option::is_none) {
            values.extend(node.outputs.iter().map(String::as_str));
            found.insert(node_idx);
        }
    }
    found
}

/// Inputs, shown nodes and outputs, before chains become one box.
struct Units {
    members: Vec<Unit>,
    above: Vec<BTreeSet<usize>>,
    below: Vec<BTreeSet<usize>>,
}

#[derive(Clone, Copy)]
enum Unit {
    Input(usize),
    Node(usize),
    Output(usize),
}

impl Units {
    fn new(graph: &Graph, layers: &[Option<usize>], hidden: &HashSet<usize>) -> Self {
        let mut units = Self { members: Vec::new(), above: Vec::new(), below: Vec::new() };
        let mut makers: HashMap<&str, usize> = HashMap::new();
        for (input_idx, input) in graph.inputs.iter().enumerate() {
            makers.insert(&input.name, units.add(Unit::Input(input_idx)));
        }
        for (node_idx, node) in graph.nodes.iter().enumerate() {
            if hidden.contains(&node_idx) {
                continue;
            }
            let unit = units.add(Unit::Node(node_idx));
            units.read(unit, node.inputs.iter().map(String::as_str), &makers);
            for output in node.outputs.iter().filter(|name| !name.is_empty()) {
                makers.insert(output, unit);
            }
        }
        for (output_idx, output) in graph.outputs.iter().enumerate() {
            let unit = units.add(Unit::Output(output_idx));
            units.read(unit, std::iter::once(output.as_str()), &makers);
        }
        debug_assert_eq!(layers.len(), graph.nodes.len());
        units
    }

    fn add(&mut self, unit: Unit) -> usize {
        self.members.push(unit);
        self.above.push(BTreeSet::new());
        self.below.push(BTreeSet::new());
        self.members.len() - 1
    }

    fn read<'a>(
        &mut self,
        unit: usize,
        values: impl Iterator<Item = &'a str>,
        makers: &HashMap<&str, usize>,
    ) {
        for maker in values.filter_map(|value| makers.get(value)) {
            self.above[unit].insert(*maker);
            self.below[*maker].insert(unit);
        }
    }

    /// Boxes: a node without weight whose only reader is another such node that reads nothing else
    /// shares its box.
    fn merged(&self, network: &Network, graph: &Graph, layers: &[Option<usize>]) -> Contents {
        let is_quiet = |unit: usize| match self.members[unit] {
            Unit::Node(node_idx) => layers[node_idx].is_none(),
            _ => false,
        };
        let only = |set: &BTreeSet<usize>| (set.len() == 1).then(|| set.first().copied()).flatten();
        let mut boxes: Vec<BoxContent> = Vec::new();
        let mut box_of = vec![0; self.members.len()];
        for (unit, member) in self.members.iter().enumerate() {
            let before = only(&self.above[unit])
                .filter(|&before| only(&self.below[before]) == Some(unit))
                .filter(|&before| is_quiet(before) && is_quiet(unit));
            if let (Some(before), Unit::Node(node_idx)) = (before, member) {
                box_of[unit] = box_of[before];
                boxes[box_of[before]].nodes.push(*node_idx);
                continue;
            }
            box_of[unit] = boxes.len();
            boxes.push(match *member {
                Unit::Input(input_idx) => input_box(graph, input_idx),
                Unit::Output(output_idx) => output_box(graph, output_idx),
                Unit::Node(node_idx) => {
                    let kind = layers[node_idx].map_or(BoxKind::Quiet, BoxKind::Layer);
                    BoxContent { kind, title: String::new(), nodes: vec![node_idx] }
                }
            });
        }
        boxes.iter_mut().for_each(|content| content.name(network, graph));
        let mut edges: Vec<(usize, usize)> = (0..self.members.len())
            .flat_map(|unit| self.below[unit].iter().map(move |&to| (unit, to)))
            .map(|(from, to)| (box_of[from], box_of[to]))
            .filter(|(from, to)| from != to)
            .collect();
        edges.sort_unstable();
        edges.dedup();
        Contents { boxes, edges, n_constant: 0 }
    }
}

impl BoxContent {
    fn name(&mut self, network: &Network, graph: &Graph) {
        let nodes = || self.nodes.iter().filter_map(|&node_idx| graph.nodes.get(node_idx));
        match self.kind {
            BoxKind::Layer(layer_idx) => {
                let own =
                    nodes().find_map(|node| (!node.name.is_empty()).then(|| node.name.clone()));
                let layer = network.layers.get(layer_idx).map(|layer| layer.name.clone());
                self.title = own.or(layer).unwrap_or_default();
            }
            BoxKind::Quiet => {
                let mut n_letters = 0;
                let fits = |node: &&Node| {
                    n_letters += node.op.chars().count() + 3;
                    n_letters <= MAX_LETTERS + 3
                };
                let mut names: Vec<String> =
                    nodes().take_while(fits).map(|node| node.op.clone()).collect();
                if names.is_empty() {
                    names.extend(nodes().next().map(|node| node.op.clone()));
                }
                let n_more = self.nodes.len() - names.len();
                if n_more > 0 {
                    names.push(format!("+{n_more}"));
                }
                self.title = names.join(" · ");
            }
            BoxKind::Input(_) | BoxKind::Output => {}
        }
    }
}

fn input_box(graph: &Graph, input_idx: usize) -> BoxContent {
    let title = graph.inputs.get(input_idx).map_or_else(String::new, |input| {
        let dims: Vec<String> = input
            .shape
            .iter()
            .map(|dim| match dim {
                Dim::Fixed(size) => size.to_string(),
                Dim::Free(name) if name.is_empty() => "?".to_owned(),
                Dim::Free(name) => name.clone(),
            })
            .collect();
        format!("{}  {}", input.name, dims.join("×"))
    });
    BoxContent { kind: BoxKind::Input(input_idx), title, nodes: Vec::new() }
}

fn output_box(graph: &Graph, output_idx: usize) -> BoxContent {
    let title = graph.outputs.get(output_idx).cloned().unwrap_or_default();
    BoxContent { kind: BoxKind::Output, title, nodes: Vec::new() }
}
