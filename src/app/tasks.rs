//! Tasks with names: one that ends before it is told to is a fault of the whole process.

use std::collections::HashMap;
use std::future::Future;
use std::time::Duration;

use tokio::task::{Id, JoinError, JoinSet};

#[derive(Default)]
pub struct Tasks {
    set: JoinSet<Result<(), String>>,
    names: HashMap<Id, &'static str>,
}

/// How a task ended.
#[derive(Debug)]
pub struct Ended {
    pub name: &'static str,
    /// One sentence, if it did not end as it should.
    pub fault: Option<String>,
}

impl Tasks {
    pub fn start(
        &mut self,
        name: &'static str,
        task: impl Future<Output = Result<(), String>> + Send + 'static,
    ) {
        let id = self.set.spawn(task).id();
        self.names.insert(id, name);
    }

    /// Waits for the next task to end; `None` once all have.
    pub async fn next(&mut self) -> Option<Ended> {
        let (id, fault) = match self.set.join_next_with_id().await? {
            Ok((id, Ok(()))) => (id, None),
            Ok((id, Err(why))) => (id, Some(why)),
            Err(error) => (error.id(), Some(spoken(error))),
        };
        let name = self.names.remove(&id).unwrap_or("?");
        Some(Ended { name, fault })
    }

    /// Waits until `name` has ended; the ends of others on the way are given to `also`.
    pub async fn wait_for(&mut self, name: &'static str, grace: Duration, also: &mut Vec<Ended>) {
        let ended = async {
            while self.names.values().any(|running| *running == name) {
                match self.next().await {
                    Some(ended) => also.push(ended),
                    None => break,
                }
            }
        };
        if tokio::time::timeout(grace, ended).await.is_err() {
            tracing::error!(task = name, "still busy after the grace period");
            also.push(Ended { name, fault: Some("still busy after the grace period".to_owned()) });
        }
    }
}

fn spoken(error: JoinError) -> String {
    if !error.is_panic() {
        return "was cancelled".to_owned();
    }
    let panic = error.into_panic();
    let text =
        panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    format!("panicked: {}", text.unwrap_or("without a word"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_task_that_ends_is_named() {
        let mut tasks = Tasks::default();
        tasks.start("fine", async { Ok(()) });
        let ended = tasks.next().await.unwrap();
        assert_eq!((ended.name, ended.fault), ("fine", None));
        tasks.start("broken", async { Err("no more".to_owned()) });
        assert_eq!(tasks.next().await.unwrap().fault.as_deref(), Some("no more"));
        tasks.start("wild", async { panic!("at the disco") });
        let ended = tasks.next().await.unwrap();
        assert_eq!((ended.name, ended.fault.as_deref()), ("wild", Some("panicked: at the disco")));
        assert!(tasks.next().await.is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn a_stuck_task_is_not_waited_for_for_ever() {
        let mut tasks = Tasks::default();
        tasks.start("stuck", std::future::pending());
        let mut ends = Vec::new();
        tasks.wait_for("stuck", Duration::from_secs(10), &mut ends).await;
        assert_eq!(ends[0].name, "stuck");
        assert!(ends[0].fault.is_some());
    }
}
