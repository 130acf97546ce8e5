//! The values a graph reads from its file, what follows from them alone, and what operators made
//! of them. Some may be replaced; the rest is shared with the table they stand in.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use super::operator::{Clamp, Inputs, Prepared};
use super::plan::{ExecError, ExecPlan, Step};
use super::run::LiveBytes;
use crate::model::StoreError;
use crate::tensor::{Tensor, Value};

/// The values of all constants of a plan; copies share them.
#[derive(Clone, Debug)]
pub struct Constants {
    table: Arc<Table>,
    changes: Arc<Changes>,
}

#[derive(Debug)]
struct Table {
    /// By slot.
    values: Vec<Option<Value>>,
    /// By step.
    prepared: Vec<Option<Prepared>>,
    /// By step: the limits of one that can be done together with the step before.
    clamps: Vec<Option<Clamp>>,
}

/// What differs from the table.
#[derive(Debug, Default)]
struct Changes {
    /// What stands in the place of tensors of the file, by slot.
    replaced: BTreeMap<usize, Tensor>,
    /// Values that follow, by slot.
    values: HashMap<usize, Value>,
    /// By step.
    prepared: HashMap<usize, Option<Prepared>>,
    /// By step.
    clamps: HashMap<usize, Option<Clamp>>,
}

impl Constants {
    pub(super) fn value(&self, slot: usize) -> Option<&Value> {
        self.changes.values.get(&slot).or_else(|| self.table.values.get(slot)?.as_ref())
    }

    pub(super) fn prepared(&self, step_idx: usize) -> Option<Prepared> {
        match self.changes.prepared.get(&step_idx) {
            Some(changed) => changed.clone(),
            None => self.table.prepared.get(step_idx).cloned().flatten(),
        }
    }

    pub(super) fn clamp(&self, step_idx: usize) -> Option<Clamp> {
        match self.changes.clamps.get(&step_idx) {
            Some(changed) => *changed,
            None => self.table.clamps.get(step_idx).copied().flatten(),
        }
    }
}

impl ExecPlan {
    /// Fills the table of constants: `read` gives a tensor of the file.
    ///
    /// # Errors
    /// A tensor that cannot be read, or a node over constants that fails.
    pub fn constants(
        &self,
        read: impl Fn(&str) -> Result<Value, StoreError>,
    ) -> Result<Constants, ExecError> {
        let mut values: Vec<Option<Value>> = vec![None; self.slot_names.len()];
        for &slot in &self.constant_slots {
            values[slot] = Some(read(&self.slot_names[slot])?);
        }
        let mut live = LiveBytes::default();
        for step in self.steps.iter().filter(|step| step.is_constant) {
            let outputs = step.run(Inputs::new(step.known_inputs(|slot| values[slot].clone())))?;
            for (slot, output) in step.outputs.iter().zip(outputs) {
                if let Some(slot) = slot {
                    live.add(*slot, &output, step)?;
                    values[*slot] = Some(output);
                }
            }
            for &slot in &step.frees {
                live.drop(slot);
                values[slot] = None;
            }
        }
        let inputs = |step: &Step| step.known_inputs(|slot| values[slot].clone());
        let prepared = self.steps.iter().map(|step| step.prepare(&inputs(step))).collect();
        let clamps = self.steps.iter().map(|step| step.operator.as_clamp(&inputs(step))).collect();
        let table = Arc::new(Table { values, prepared, clamps });
        Ok(Constants { table, changes: Arc::default() })
    }

    /// The same constants with other tensors in the place of some of the file's; `read` gives the
    /// file's again where nothing of it was kept.
    ///
    /// # Errors
    /// As [`constants`](Self::constants).
    pub fn with_replaced(
        &self,
        constants: &Constants,
        read: impl Fn(&str) -> Result<Value, StoreError>,
        replaced: &BTreeMap<String, Tensor>,
    ) -> Result<Constants, ExecError> {
        let table = &constants.table;
        let tensor = |slot: usize| replaced.get(&self.slot_names[slot]).cloned();
        let replaced: BTreeMap<usize, Tensor> =
            self.constant_slots.iter().filter_map(|&slot| Some((slot, tensor(slot)?))).collect();
        let cone = self.cone_of(&replaced, table);
        let mut values: HashMap<usize, Value> =
            replaced.iter().map(|(&slot, tensor)| (slot, Value::F32(tensor.clone()))).collect();
        for &slot in cone.needed.iter().filter(|slot| self.constant_slots.contains(slot)) {
            values.insert(slot, read(&self.slot_names[slot])?);
        }
        let mut live = LiveBytes::default();
        for step in cone.steps.iter().filter_map(|&step_idx| self.steps.get(step_idx)) {
            let known = |slot: usize| values.get(&slot).or(table.values[slot].as_ref()).cloned();
            let outputs = step.run(Inputs::new(step.known_inputs(known)))?;
            for (slot, output) in step.outputs.iter().zip(outputs) {
                if let Some(slot) = slot {
                    live.add(*slot, &output, step)?;
                    values.insert(*slot, output);
                }
            }
        }
        // What only constants are made of is of no use to a run.
        let is_freed = |slot: &usize| {
            self.steps.iter().any(|step| step.is_constant && step.frees.contains(slot))
        };
        if !cone.steps.is_empty() {
            values.retain(|slot, _| !is_freed(slot));
        }
        let mut changes = Changes { replaced, values, ..Changes::default() };
        for (step_idx, step) in self.steps.iter().enumerate().filter(|(_, s)| !s.is_constant) {
            if step.inputs.iter().flatten().any(|slot| cone.changed.contains(slot)) {
                let known =
                    |slot| changes.values.get(&slot).or(table.values[slot].as_ref()).cloned();
                let inputs = step.known_inputs(known);
                changes.prepared.insert(step_idx, step.prepare(&inputs));
                changes.clamps.insert(step_idx, step.operator.as_clamp(&inputs));
            }
        }
        Ok(Constants { table: Arc::clone(table), changes: Arc::new(changes) })
    }

    /// The replacements of all `parts` together, which stand in one table, without computing again
    /// what follows from each; `None` where the parts are of several tables or meet in a step.
    pub fn joined(&self, parts: &[&Constants]) -> Option<Constants> {
        let table = &parts.first()?.table;
        let mut joined = Changes::default();
        for part in parts {
            let changes = &part.changes;
            let meets = changes.replaced.keys().any(|slot| joined.replaced.contains_key(slot))
                || changes.values.keys().any(|slot| joined.values.contains_key(slot))
                || changes.prepared.keys().any(|step| joined.prepared.contains_key(step));
            if meets || !Arc::ptr_eq(table, &part.table) {
                return None;
            }
            let replaced = changes.replaced.iter().map(|(slot, tensor)| (*slot, tensor.clone()));
            joined.replaced.extend(replaced);
            joined.values.extend(changes.values.iter().map(|(slot, v)| (*slot, v.clone())));
            joined.prepared.extend(changes.prepared.iter().map(|(step, p)| (*step, p.clone())));
            joined.clamps.extend(&changes.clamps);
        }
        Some(Constants { table: Arc::clone(table), changes: Arc::new(joined) })
    }

    /// What follows from replaced constants, and what has to be known to compute it.
    fn cone_of(&self, replaced: &BTreeMap<usize, Tensor>, table: &Table) -> Cone {
        let mut changed: BTreeSet<usize> = replaced.keys().copied().collect();
        let mut steps = BTreeSet::new();
        let constant = || self.steps.iter().enumerate().filter(|(_, step)| step.is_constant);
        for (step_idx, step) in constant() {
            if step.inputs.iter().flatten().any(|slot| changed.contains(slot)) {
                changed.extend(step.outputs.iter().flatten());
                steps.insert(step_idx);
            }
        }
        let mut needed = BTreeSet::new();
        for (step_idx, step) in constant().collect::<Vec<_>>().into_iter().rev() {
            let is_needed = step.outputs.iter().flatten().any(|slot| needed.contains(slot));
            if is_needed || steps.contains(&step_idx) {
                let is_gone =
                    |slot: &usize| !changed.contains(slot) && table.values[*slot].is_none();
                needed.extend(step.inputs.iter().flatten().copied().filter(is_gone));
                steps.insert(step_idx);
            }
        }
        Cone { changed, needed, steps }
    }

    /// The first step that computes something else with `a` than with `b`; the number of steps
    /// where none does. Told by which tensors stand in place of others, not by what is in them.
    pub fn first_difference(&self, a: &Constants, b: &Constants) -> usize {
        if !Arc::ptr_eq(&a.table, &b.table) {
            return 0;
        }
        let (a, b) = (&a.changes.replaced, &b.changes.replaced);
        let differs = |slot: &&usize| match (a.get(slot), b.get(slot)) {
            (Some(a), Some(b)) => !is_same(a, b),
            (a, b) => a.is_some() != b.is_some(),
        };
        let slots = a.keys().chain(b.keys()).filter(differs);
        let steps = slots.filter_map(|&slot| self.first_reached.get(slot).copied());
        steps.min().unwrap_or(self.steps.len())
    }

    /// The first step that a tensor of the file has an effect on; the number of steps where none.
    pub fn first_step_of(&self, tensor: &str) -> usize {
        let slot = self.constant_slots.iter().find(|&&slot| self.slot_names[slot] == tensor);
        slot.map_or(self.steps.len(), |&slot| self.first_reached[slot])
    }
}

struct Cone {
    /// Slots that hold something else.
    changed: BTreeSet<usize>,
    /// Slots of which nothing was kept.
    needed: BTreeSet<usize>,
    /// Steps over constants that are to be run.
    steps: BTreeSet<usize>,
}

/// Whether both are the same elements in memory, which nobody changes while they are shared.
fn is_same(a: &Tensor, b: &Tensor) -> bool {
    a.as_ptr() == b.as_ptr() && a.shape() == b.shape() && a.strides() == b.strides()
}

impl Step {
    /// The inputs that are known before any run; the others `None`.
    fn known_inputs(&self, known: impl Fn(usize) -> Option<Value>) -> Vec<Option<Value>> {
        self.inputs.iter().map(|slot| known((*slot)?)).collect()
    }

    fn prepare(&self, inputs: &[Option<Value>]) -> Option<Prepared> {
        (!self.is_constant).then(|| self.operator.prepare(inputs)).flatten()
    }
}
