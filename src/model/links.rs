//! Who makes and who reads each value of a graph, found once.

use std::collections::HashMap;

use super::graph::{Graph, Node};

/// The producer and the readers of every value of one graph.
#[derive(Debug)]
pub struct Links<'a> {
    graph: &'a Graph,
    producers: HashMap<&'a str, usize>,
    readers: HashMap<&'a str, Vec<usize>>,
}

impl<'a> Links<'a> {
    pub fn new(graph: &'a Graph) -> Self {
        let mut producers = HashMap::new();
        let mut readers: HashMap<&str, Vec<usize>> = HashMap::new();
        for (node_idx, node) in graph.nodes.iter().enumerate() {
            for value in node.outputs.iter().filter(|value| !value.is_empty()) {
                producers.insert(value.as_str(), node_idx);
            }
            for value in node.inputs.iter().filter(|value| !value.is_empty()) {
                let nodes = readers.entry(value).or_default();
                if nodes.last() != Some(&node_idx) {
                    nodes.push(node_idx);
                }
            }
        }
        Self { graph, producers, readers }
    }

    /// Place of the node that makes `value` as its first output.
    pub fn producer_idx(&self, value: &str) -> Option<usize> {
        let node_idx = *self.producers.get(value)?;
        let is_first = self.graph.nodes[node_idx].outputs.first().is_some_and(|v| v == value);
        is_first.then_some(node_idx)
    }

    /// The node that makes `value` as its first output.
    pub fn producer(&self, value: &str) -> Option<&'a Node> {
        Some(&self.graph.nodes[self.producer_idx(value)?])
    }

    /// The nodes that read `value`, in order, each once.
    pub fn readers(&self, value: &str) -> impl Iterator<Item = &'a Node> + use<'a, '_> {
        self.readers.get(value).into_iter().flatten().map(|&node_idx| &self.graph.nodes[node_idx])
    }

    pub fn n_readers(&self, value: &str) -> usize {
        self.readers.get(value).map_or(0, Vec::len)
    }
}

/// `base`, or the first of `base (2)`, `base (3)`… that is free.
pub(super) fn free_name(base: &str, is_taken: impl Fn(&str) -> bool) -> String {
    if !is_taken(base) {
        return base.to_owned();
    }
    (2u64..).map(|n| format!("{base} ({n})")).find(|name| !is_taken(name)).unwrap_or_default()
}
