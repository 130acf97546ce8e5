//! Which questions are worked on, and in what order: first what is about the layer shown, then what
//! else is in sight, then the rest, one layer at a time and only while nobody waits for anything.

use std::collections::HashSet;
use std::sync::Arc;

use super::answers::{Entry, Running};
use super::job::{Job, Lane};
use super::loaded::Loaded;
use super::query::{Answer, Query};
use super::state::{Message, Session};
use super::workshop::QueryError;
use crate::base::Progress;

/// What was asked for in a frame.
#[derive(Default)]
pub(super) struct Wishes {
    /// To be shown now.
    seen: Vec<Query>,
    /// Wanted as well, in sight or not.
    later: Vec<Query>,
}

/// Whether the rest is worked on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Pace {
    #[default]
    Running,
    Paused,
}

/// How far the rest is.
#[derive(Default)]
pub(super) struct Rest {
    pace: Pace,
    progress: Progress,
    /// Questions that nothing works on yet.
    n_waiting: usize,
    /// Questions in sight that wait for a large layer.
    n_held: usize,
}

/// What a job is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JobState {
    Running,
    /// Others come first.
    Waiting,
    /// A person holds it.
    Paused,
}

/// A job, or all the jobs for the rest of the layers as one.
#[derive(Clone, Debug)]
pub struct JobStatus {
    pub id: u64,
    pub label: String,
    pub progress: Progress,
    pub state: JobState,
}

impl JobStatus {
    /// The jobs for layers that are not in sight, which can be held and let go on.
    pub fn is_rest(&self) -> bool {
        self.id == REST_ID
    }
}

/// No job has this number.
const REST_ID: u64 = 0;
/// Weights of the layers that are handed to the thread for the rest at a time: many small layers,
/// or a large one.
const REST_WEIGHTS: usize = 1 << 22;

impl Session {
    /// Asks for what is to be shown now.
    pub(super) fn ask<T>(&self, query: Query, pick: fn(Answer) -> Option<Arc<T>>) -> Loaded<T> {
        let loaded = self.look_up(&query, pick);
        self.wishes.borrow_mut().seen.push(query);
        loaded
    }

    /// Asks for what is wanted when there is time.
    pub(super) fn ask_later<T>(
        &self,
        query: Query,
        pick: fn(Answer) -> Option<Arc<T>>,
    ) -> Loaded<T> {
        let loaded = self.look_up(&query, pick);
        self.wish_later(query);
        loaded
    }

    pub(super) fn wish_later(&self, query: Query) {
        self.wishes.borrow_mut().later.push(query);
    }

    pub(super) fn look_up<T>(
        &self,
        query: &Query,
        pick: fn(Answer) -> Option<Arc<T>>,
    ) -> Loaded<T> {
        let latest = || self.latest.get(&query.topic()).cloned().and_then(pick);
        match self.answers.get(query) {
            Some(Entry::Ready(answer)) => match pick(answer.clone()) {
                Some(result) => Loaded::Ready(result),
                None => Loaded::Failed("an answer of another kind".to_owned()),
            },
            Some(Entry::Failed(reason)) => Loaded::Failed(reason.to_owned()),
            Some(Entry::Running(running)) => Loaded::Pending {
                progress: told_progress(running),
                previous: latest(),
                partial: running.partial.clone().and_then(pick),
            },
            None => {
                Loaded::Pending { progress: Progress::default(), previous: latest(), partial: None }
            }
        }
    }

    /// Starts what was asked for since the last call and stops what nobody asks for any more.
    pub fn serve_wishes(&mut self) {
        self.wish_index();
        let Wishes { mut seen, later } = std::mem::take(&mut *self.wishes.borrow_mut());
        let shown = self.selection.layer_idx;
        seen.sort_by_key(|query| rank(query, shown));
        let in_sight: HashSet<&Query> = seen.iter().collect();
        let out_of_sight: HashSet<&Query> =
            later.iter().filter(|query| !in_sight.contains(query)).collect();
        let is_wanted = |query: &Query| in_sight.contains(query) || out_of_sight.contains(query);
        let queue = &self.queue;
        self.answers.stop_unless(|query, Running { job_id, lane, ctx, .. }| {
            if query.goes_on() {
                return true;
            }
            if !is_wanted(query) {
                ctx.cancel();
                queue.remove(*job_id);
                return false;
            }
            // What is in sight now is not left to the thread for the rest, nor the other way.
            let is_moved = (*lane == Lane::Rest) == in_sight.contains(query);
            if is_moved && *lane == Lane::Rest {
                ctx.hurry();
            }
            !(is_moved && queue.remove(*job_id))
        });
        self.answers.forget_unwanted(&is_wanted);
        self.start_in_order(&seen);
        self.serve_rest(&later, &in_sight);
        self.note_figures(&seen);
        self.note_tried(&seen);
        self.keep_state();
        self.forget_large(&is_wanted);
    }

    /// Starts what is in sight. While the error or picture of a large layer that is shown is worked on,
    /// no other work on large layers begins: it would take half of the processor and of the memory,
    /// and what is asked about the same layer finds its weights at hand afterwards.
    fn start_in_order(&mut self, seen: &[Query]) {
        let shown = self.selection.layer_idx;
        let (mut order, mut n_held, mut holds) = (Vec::new(), 0, false);
        for query in seen {
            let is_large = query.lane() != Lane::Long && self.n_weights(query) >= REST_WEIGHTS;
            if is_large && holds && !self.answers.contains(query) {
                n_held += 1;
                continue;
            }
            self.start(query, query.lane());
            if let Some(Entry::Running(running)) = self.answers.get(query) {
                order.push(running.job_id);
                holds |= is_large && rank(query, shown) <= 1;
            }
        }
        self.rest.n_held = n_held;
        self.queue.prioritize(&order);
    }

    /// Weights of the layer that a question is about.
    fn n_weights(&self, query: &Query) -> usize {
        let layers = self.network().map_or(&[][..], |network| &network.layers);
        let layer = query.layer_idx().and_then(|idx| layers.get(idx));
        layer.map_or(0, crate::model::Layer::count)
    }

    /// Hands the next layers to the thread for the rest.
    fn serve_rest(&mut self, later: &[Query], in_sight: &HashSet<&Query>) {
        let mut counted: HashSet<&Query> = HashSet::with_capacity(later.len());
        let all: Vec<&Query> = later.iter().filter(|query| counted.insert(query)).collect();
        let is_at_work = |entry: Option<Entry>| matches!(entry, Some(Entry::Running(running)) if running.lane == Lane::Rest);
        let at_work = all.iter().filter(|query| is_at_work(self.answers.get(query)));
        let mut n_handed: usize = at_work.map(|query| self.n_weights(query).max(1)).sum();
        for query in &all {
            let may_start = self.rest.pace == Pace::Running && !in_sight.contains(query);
            if may_start && (n_handed == 0 || n_handed < REST_WEIGHTS) {
                let was_at_work = is_at_work(self.answers.get(query));
                self.start(query, Lane::Rest);
                if !was_at_work && is_at_work(self.answers.get(query)) {
                    n_handed += self.n_weights(query).max(1);
                }
            }
        }
        let is_done = |query: &&Query| {
            matches!(self.answers.get(query), Some(Entry::Ready(_) | Entry::Failed(_)))
        };
        let n_done = all.iter().filter(|query| is_done(query)).count();
        let n_waiting = all
            .iter()
            .filter(|query| !in_sight.contains(**query) && !self.answers.contains(query))
            .count();
        self.rest.progress = Progress { done: n_done as u64, total: all.len() as u64 };
        self.rest.n_waiting = n_waiting;
    }

    /// Holds the rest, or lets it go on.
    pub(super) fn set_pace(&mut self, pace: Pace) {
        self.rest.pace = pace;
        if pace == Pace::Running {
            return;
        }
        let queue = &self.queue;
        self.answers.stop_unless(|_, running| {
            if running.lane == Lane::Rest {
                running.ctx.cancel();
                queue.remove(running.job_id);
            }
            running.lane != Lane::Rest
        });
    }

    pub(super) fn is_of_rest(job_id: u64) -> bool {
        job_id == REST_ID
    }

    /// Whether nothing is being computed or opened.
    pub fn is_idle(&self) -> bool {
        self.errands.is_empty()
            && !self.is_keep_starting()
            && self.rest.n_held == 0
            && (self.rest.n_waiting == 0 || self.rest.pace == Pace::Paused)
            && self.answers.running().next().is_none()
    }

    /// Jobs that are running or waiting, those with progress first; the rest of the layers counts
    /// as one.
    pub fn jobs(&self) -> Vec<JobStatus> {
        let waiting = self.queue.waiting();
        let state = |id| if waiting.contains(&id) { JobState::Waiting } else { JobState::Running };
        let errands = self.errands.iter().map(|errand| JobStatus {
            id: errand.id,
            label: errand.label.clone(),
            progress: errand.ctx.progress(),
            state: state(errand.id),
        });
        let is_own = |(_, running): &(&Query, &Running)| running.lane != Lane::Rest;
        let queries = self.answers.running().filter(is_own).map(|(query, running)| JobStatus {
            id: running.job_id,
            label: query.label().to_owned(),
            progress: told_progress(running),
            state: state(running.job_id),
        });
        let mut jobs: Vec<JobStatus> = queries.chain(errands).chain(self.rest_job()).collect();
        jobs.sort_by_key(|job| (job.progress.total == 0, job.id == REST_ID, job.id));
        jobs
    }

    fn rest_job(&self) -> Option<JobStatus> {
        let Progress { done, total } = self.rest.progress;
        let is_running = self.answers.running().any(|(_, running)| running.lane == Lane::Rest);
        let is_there = self.opened.is_some() && done < total;
        (is_there && (is_running || self.rest.n_waiting > 0)).then(|| JobStatus {
            id: REST_ID,
            label: "Measuring layers".to_owned(),
            progress: self.rest.progress,
            state: match self.rest.pace {
                Pace::Paused => JobState::Paused,
                Pace::Running if is_running => JobState::Running,
                Pace::Running => JobState::Waiting,
            },
        })
    }

    /// Starts what answers a question, unless it is answered, under way, or part of a larger answer
    /// that is.
    fn start(&mut self, query: &Query, lane: Lane) {
        let Some(workshop) = self.workshop.clone() else {
            return;
        };
        if self.answers.contains(query) || self.is_part_of_larger(query) {
            return;
        }
        let job_id = self.take_job_id();
        let ctx = self.queue.ctx(lane);
        let (asked, failed) = (query.clone(), query.clone());
        let reads_files = query.reads_weights();
        let marks = self.opened.as_ref().filter(|_| reads_files).map(|opened| &opened.marks);
        let marks = marks.cloned().unwrap_or_default();
        self.queue.push(Job {
            id: job_id,
            lane,
            ctx: ctx.clone(),
            run: Box::new(move |ctx, outbox| {
                let partial = |answer| {
                    if marks.rewritten().is_none() {
                        outbox.send(Message::Partial(job_id, asked.clone(), answer));
                    }
                };
                let answer = workshop.answer(&asked, ctx, partial);
                // What was read meanwhile may be another file's.
                let answer = match marks.rewritten() {
                    Some(name) => Err(QueryError::FileChanged(name)),
                    None => answer,
                };
                Message::Answered(job_id, asked.clone(), answer)
            }),
            on_panic: Box::new(move |text| {
                let error = crate::eval::EvalError::Output(text);
                Message::Answered(job_id, failed, Err(QueryError::Eval(error)))
            }),
        });
        self.answers.start(query.clone(), Running { job_id, lane, ctx, partial: None });
    }

    /// Whether the figures of a layer come with its whole error, which is there or on its way.
    fn is_part_of_larger(&mut self, query: &Query) -> bool {
        let Query::Figures { network, layer_idx, ref spec } = *query else { return false };
        let whole = Query::Layer { network, layer_idx, spec: spec.clone() };
        match self.answers.get(&whole) {
            Some(Entry::Ready(Answer::Layer(error))) => {
                let figures = Answer::Figures(Arc::new(error.figures()));
                self.answers.finish(query, Ok(figures));
                true
            }
            Some(Entry::Running(_)) => true,
            _ => false,
        }
    }

    pub(super) fn receive_answer(
        &mut self,
        id: u64,
        query: &Query,
        answer: Result<Answer, QueryError>,
    ) {
        // Nobody waits for an entry that is gone, cancelled or asked for anew since.
        if self.answers.running_mut(query).is_none_or(|running| running.job_id != id) {
            return;
        }
        match answer {
            Ok(answer) => {
                self.latest.insert(query.topic(), answer.clone());
                self.answers.finish(query, Ok(answer));
                self.take_figures_from(query);
            }
            Err(QueryError::Cancelled) => self.answers.stop(query),
            Err(error) => {
                self.answers.finish(query, Err(error.to_string()));
                if matches!(error, QueryError::FileChanged(_)) {
                    self.note_rewritten();
                }
            }
        }
    }

    /// The figures that come with the whole error of a layer.
    fn take_figures_from(&mut self, query: &Query) {
        let Query::Layer { network, layer_idx, ref spec } = *query else { return };
        let part = Query::Figures { network, layer_idx, spec: spec.clone() };
        if let Some(Entry::Running(running)) = self.answers.get(&part) {
            running.ctx.cancel();
            self.queue.remove(running.job_id);
            self.answers.stop(&part);
        }
        if self.is_part_of_larger(&part)
            && let Some(Entry::Ready(answer)) = self.answers.get(&part)
        {
            self.latest.insert(part.topic(), answer.clone());
        }
    }
}

/// The place of a question in the queue: what a person looks at comes first.
fn rank(query: &Query, shown_layer: usize) -> u8 {
    match query {
        query if query.layer_idx() != Some(shown_layer) => 3,
        Query::Layer { .. } => 0,
        Query::Picture { .. } => 1,
        _ => 2,
    }
}

/// How far a job is: as far as the figures it has told, so that these and the bar agree.
fn told_progress(running: &Running) -> Progress {
    match &running.partial {
        Some(Answer::Accuracy(accuracy)) => {
            Progress { done: accuracy.n_samples as u64, total: accuracy.n_total as u64 }
        }
        _ => running.ctx.progress(),
    }
}
