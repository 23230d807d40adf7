//! A change of how many instances there are, as an operator asks for it: what is left out stays as it is.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::quantity::{InvalidQuantity, Span};
use crate::revision::Scale;

/// What to change about a [`Scale`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ScaleChange {
    /// The fewest instances.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min: Option<u32>,
    /// The most instances.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max: Option<u32>,
    /// Requests that one instance serves at once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub concurrency: Option<u32>,
    /// Idle time after which an instance is frozen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub freeze: Option<Freeze>,
    /// Idle time after which an instance ends.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub idle: Option<Span>,
}

/// When an idle instance is frozen: a span of time, or `never`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Freeze {
    /// It is not.
    Never,
    /// After as long without a request.
    After(Span),
}

const NEVER: &str = "never";

impl ScaleChange {
    /// Answers whether it changes nothing.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Answers `scale` with what this changes.
    #[must_use]
    pub fn applied_to(&self, scale: &Scale) -> Scale {
        Scale {
            min: self.min.unwrap_or(scale.min),
            max: self.max.unwrap_or(scale.max),
            concurrency: self.concurrency.unwrap_or(scale.concurrency),
            freeze: self.freeze.map_or(scale.freeze, Freeze::span),
            idle: self.idle.unwrap_or(scale.idle),
        }
    }
}

impl Freeze {
    /// Answers the span, `None` for never.
    pub fn span(self) -> Option<Span> {
        match self {
            Self::Never => None,
            Self::After(span) => Some(span),
        }
    }
}

impl FromStr for Freeze {
    type Err = InvalidQuantity;

    fn from_str(text: &str) -> Result<Self, InvalidQuantity> {
        if text == NEVER {
            return Ok(Self::Never);
        }
        text.parse().map(Self::After)
    }
}

impl fmt::Display for Freeze {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Never => f.write_str(NEVER),
            Self::After(span) => span.fmt(f),
        }
    }
}

impl TryFrom<String> for Freeze {
    type Error = InvalidQuantity;

    fn try_from(text: String) -> Result<Self, InvalidQuantity> {
        text.parse()
    }
}

impl From<Freeze> for String {
    fn from(freeze: Freeze) -> Self {
        freeze.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changed(json: &str) -> Scale {
        let change: ScaleChange = serde_json::from_str(json).unwrap();
        let scale = Scale {
            freeze: Some(Span::seconds(10)),
            ..Scale::default()
        };
        change.applied_to(&scale)
    }

    #[test]
    fn what_is_left_out_stays_and_never_takes_the_freezing_away() {
        for (json, expected) in [
            ("{}", (0, 10, 20, Some(Span::seconds(10)))),
            (r#"{"min": 2}"#, (2, 10, 20, Some(Span::seconds(10)))),
            (
                r#"{"max": 3, "concurrency": 1, "freeze": "never"}"#,
                (0, 3, 1, None),
            ),
            (r#"{"freeze": "5m"}"#, (0, 10, 20, Some(Span::seconds(300)))),
        ] {
            let scale = changed(json);
            let seen = (scale.min, scale.max, scale.concurrency, scale.freeze);
            assert_eq!(seen, expected, "{json}");
        }
    }

    #[test]
    fn a_change_that_says_something_else_is_refused_and_an_empty_one_is_known() {
        for bad in [r#"{"freeze": "soon"}"#, r#"{"most": 1}"#, r#"{"min": -1}"#] {
            assert!(serde_json::from_str::<ScaleChange>(bad).is_err(), "{bad}");
        }
        assert!(ScaleChange::default().is_empty());
        assert_eq!(serde_json::to_string(&ScaleChange::default()).unwrap(), "{}");
    }
}
