//! What is known of the questions that were asked: those under way, few at any time, apart from those
//! that are done, thousands. A frame goes through the former and looks the latter up.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;

use super::job::Lane;
use super::query::{Answer, Query};
use crate::base::WorkCtx;
use crate::eval::LayerError;

/// A question that a job works on.
pub(super) struct Running {
    pub job_id: u64,
    pub lane: Lane,
    pub ctx: WorkCtx,
    /// What is known so far.
    pub partial: Option<Answer>,
}

/// A question that was worked on: its answer, or why there is none.
pub(super) type Outcome = Result<Answer, String>;

/// What is known of a question.
#[derive(Clone, Copy)]
pub(super) enum Entry<'a> {
    Running(&'a Running),
    Ready(&'a Answer),
    Failed(&'a str),
}

/// Answers that are kept, so that going back is instant.
const MAX_ANSWERS: usize = 4096;
/// Of those beyond as many are let go at a time: no frame pays for all.
const MAX_FORGOTTEN: usize = 64;
/// Rows of answer tables that are kept with accuracies: 32 bytes each.
const MAX_ANSWER_ROWS: usize = 4 << 20;

/// The questions and what is known of them.
#[derive(Default)]
pub(super) struct Answers {
    running: HashMap<Query, Running>,
    done: HashMap<Query, Outcome>,
    /// Of those answered the ones that go as soon as nobody asks for them.
    fleeting: HashSet<Query>,
    /// The others, the oldest first; some may be gone since.
    order: VecDeque<Query>,
    /// What the whole answers about layers take.
    layer_bytes: usize,
    /// Rows of the tables of all accuracies.
    n_rows: usize,
}

impl Answers {
    pub fn get(&self, query: &Query) -> Option<Entry<'_>> {
        match self.done.get(query) {
            Some(Ok(answer)) => Some(Entry::Ready(answer)),
            Some(Err(reason)) => Some(Entry::Failed(reason)),
            None => self.running.get(query).map(Entry::Running),
        }
    }

    pub fn contains(&self, query: &Query) -> bool {
        self.get(query).is_some()
    }

    /// In no order.
    pub fn running(&self) -> impl Iterator<Item = (&Query, &Running)> {
        self.running.iter()
    }

    pub fn running_mut(&mut self, query: &Query) -> Option<&mut Running> {
        self.running.get_mut(query)
    }

    /// Bytes of the whole answers about layers.
    pub fn layer_bytes(&self) -> usize {
        self.layer_bytes
    }

    pub fn start(&mut self, query: Query, running: Running) {
        self.running.insert(query, running);
    }

    /// Forgets a question under way.
    pub fn stop(&mut self, query: &Query) {
        self.running.remove(query);
    }

    /// Forgets the questions under way that are not to be kept.
    pub fn stop_unless(&mut self, mut is_kept: impl FnMut(&Query, &mut Running) -> bool) {
        self.running.retain(|query, running| is_kept(query, running));
    }

    /// Takes the outcome of a question, under way before or not.
    pub fn finish(&mut self, query: &Query, outcome: Outcome) {
        self.running.remove(query);
        self.forget(query);
        self.layer_bytes += layer_bytes(&outcome);
        self.n_rows += n_rows(&outcome);
        if query.is_fleeting() && outcome.is_ok() {
            self.fleeting.insert(query.clone());
        } else {
            self.order.push_back(query.clone());
        }
        self.done.insert(query.clone(), outcome);
        if self.n_rows > MAX_ANSWER_ROWS {
            self.forget_accuracies(query);
        }
    }

    /// Lets a question that is done go.
    fn forget(&mut self, query: &Query) {
        if let Some(outcome) = self.done.remove(query) {
            self.layer_bytes -= layer_bytes(&outcome);
            self.n_rows -= n_rows(&outcome);
        }
    }

    /// Lets accuracies go until the tables of the others fit, the oldest first.
    fn forget_accuracies(&mut self, newest: &Query) {
        let is_older = |query: &&Query| matches!(query, Query::Accuracy { .. }) && *query != newest;
        let older: Vec<Query> = self.order.iter().filter(is_older).cloned().collect();
        for query in older {
            if self.n_rows <= MAX_ANSWER_ROWS {
                return;
            }
            self.forget(&query);
        }
    }

    /// Lets failures go, so that they are asked for again.
    pub fn forget_failures(&mut self) {
        self.done.retain(|_, outcome| outcome.is_ok());
    }

    /// Lets go what nobody asks for: fleeting answers at once, of the others the oldest, once there
    /// are too many.
    pub fn forget_unwanted(&mut self, is_wanted: &impl Fn(&Query) -> bool) {
        let unwanted: Vec<Query> = self.fleeting.extract_if(|query| !is_wanted(query)).collect();
        unwanted.iter().for_each(|query| self.forget(query));
        let n_beyond = self.order.len().saturating_sub(MAX_ANSWERS);
        for _ in 0..n_beyond.min(MAX_FORGOTTEN) {
            match self.order.pop_front() {
                Some(query) if is_wanted(&query) => self.order.push_back(query),
                Some(query) => self.forget(&query),
                None => return,
            }
        }
    }

    /// Lets whole answers about layers go that nobody asks for; those that stay.
    pub fn forget_layers(&mut self, is_wanted: &impl Fn(&Query) -> bool) -> Vec<Arc<LayerError>> {
        self.done.retain(|query, outcome| layer_of(outcome).is_none() || is_wanted(query));
        let kept: Vec<Arc<LayerError>> = self.done.values().filter_map(layer_of).cloned().collect();
        self.layer_bytes = kept.iter().map(|error| error.n_bytes()).sum();
        kept
    }

    pub fn clear(&mut self) {
        *self = Self::default();
    }
}

fn layer_of(outcome: &Outcome) -> Option<&Arc<LayerError>> {
    match outcome {
        Ok(Answer::Layer(error)) => Some(error),
        _ => None,
    }
}

fn layer_bytes(outcome: &Outcome) -> usize {
    layer_of(outcome).map_or(0, |error| error.n_bytes())
}

fn n_rows(outcome: &Outcome) -> usize {
    match outcome {
        Ok(Answer::Accuracy(accuracy)) => accuracy.answers.rows.len(),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::weights::IndexOutcome;

    fn query(layer_idx: usize) -> Query {
        Query::Figures { network: 1, layer_idx, spec: String::new() }
    }

    fn fill(answers: &mut Answers, n: usize) {
        for layer_idx in 0..n {
            answers.finish(&query(layer_idx), Ok(Answer::Index(IndexOutcome::Built)));
        }
    }

    #[test]
    fn beyond_a_number_the_oldest_answers_that_nobody_asks_for_go_a_few_at_a_time() {
        let mut answers = Answers::default();
        fill(&mut answers, MAX_ANSWERS + 2 * MAX_FORGOTTEN);
        let is_wanted = |asked: &Query| *asked == query(1);
        answers.forget_unwanted(&is_wanted);
        assert!(!answers.contains(&query(0)));
        assert!(answers.contains(&query(1)), "still wanted");
        assert!(!answers.contains(&query(MAX_FORGOTTEN - 1)));
        assert!(answers.contains(&query(MAX_FORGOTTEN)), "not of this time");
        (0..3).for_each(|_| answers.forget_unwanted(&is_wanted));
        assert_eq!(answers.done.len(), MAX_ANSWERS);
        assert!(answers.contains(&query(MAX_ANSWERS + 2 * MAX_FORGOTTEN - 1)), "the newest");
    }

    #[test]
    fn an_answer_that_is_fleeting_goes_once_nobody_asks_for_it() {
        let mut answers = Answers::default();
        let fleeting = Query::Index { network: 1, layer_idx: 0 };
        answers.finish(&fleeting, Ok(Answer::Index(IndexOutcome::Built)));
        answers.finish(&query(0), Err("failed".to_owned()));
        answers.forget_unwanted(&|_| true);
        assert!(answers.contains(&fleeting));
        answers.forget_unwanted(&|_| false);
        assert!(!answers.contains(&fleeting));
        assert!(matches!(answers.get(&query(0)), Some(Entry::Failed("failed"))));
        answers.forget_failures();
        assert!(!answers.contains(&query(0)));
    }
}
