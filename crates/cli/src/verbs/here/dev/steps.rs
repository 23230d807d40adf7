//! How a build looks that follows a change: only the steps that take long enough to say something are told, in one
//! line each, since the function prints meanwhile. Nothing is redrawn, and no warning is told twice.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use coracle_build::{Event, Observer};
use coracle_plan::StepId;

use crate::printer::Printer;
use crate::progress::time;

/// Tells of the steps of many builds, one after the other.
pub(super) struct Steps {
    printer: Printer,
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    /// Steps that have begun and said nothing yet, with what they do.
    silent: BTreeMap<StepId, String>,
    /// Steps that were told of.
    told: BTreeMap<StepId, String>,
    warned: BTreeSet<String>,
}

impl Steps {
    pub(super) fn new(printer: Printer) -> Self {
        Self {
            printer,
            known: Mutex::default(),
        }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Observer for Steps {
    fn event(&self, event: Event<'_>) {
        if let Some(line) = self.known().line(event) {
            match event {
                Event::Warning { .. } => self.printer.warn(line),
                _ => self.printer.say(line),
            }
        }
    }
}

impl Known {
    /// Answers what an event reads like, if it is worth a line.
    fn line(&mut self, event: Event<'_>) -> Option<String> {
        match event {
            Event::Planned { .. } => {
                self.silent.clear();
                self.told.clear();
                None
            }
            Event::Warning { text } => self.warned.insert(text.to_owned()).then(|| text.to_owned()),
            Event::Started { step, name } => {
                self.silent.insert(step.clone(), name.to_owned());
                None
            }
            Event::Line { step, .. } | Event::Transferred { step, .. } => {
                let name = self.silent.remove(step)?;
                let line = format!("… {name}");
                self.told.insert(step.clone(), name);
                Some(line)
            }
            Event::Finished { step, duration, .. } => {
                let name = self.told.remove(step)?;
                Some(format!("✓ {name}  {}", time(duration)))
            }
            Event::Failed { .. } | Event::Built { .. } => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn steps_that_say_something_are_two_lines_and_others_none() {
        let (copy, install) = (StepId::new("application"), StepId::new("dependencies"));
        let finished = |step| Event::Finished {
            step,
            cached: false,
            duration: Duration::from_millis(1234),
        };
        let events = [
            Event::Planned { steps: 2 },
            Event::Warning { text: "it is old" },
            Event::Started {
                step: &copy,
                name: "copy the application",
            },
            Event::Started {
                step: &install,
                name: "install dependencies",
            },
            Event::Line {
                step: &install,
                text: "Collecting",
            },
            Event::Line {
                step: &install,
                text: "Downloading",
            },
            finished(&copy),
            finished(&install),
            Event::Warning { text: "it is old" },
        ];
        let mut known = Known::default();
        let lines: Vec<String> = events.into_iter().filter_map(|event| known.line(event)).collect();
        assert_eq!(
            lines,
            [
                "it is old",
                "… install dependencies",
                "✓ install dependencies  1.2 s"
            ]
        );
    }
}
