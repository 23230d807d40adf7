//! Environment variables in the order in which they were first set.

use serde::{Deserialize, Serialize};

/// Environment variables, in order: a list of `NAME=value` in documents.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(from = "Vec<String>", into = "Vec<String>")]
pub struct Environment(Vec<(String, String)>);

impl Environment {
    /// Answers the value of `name`.
    pub fn get(&self, name: &str) -> Option<&str> {
        let (_, value) = self.0.iter().find(|(own, _)| own == name)?;
        Some(value)
    }

    /// Sets `name`: in its place if it is there, else at the end.
    pub fn set(&mut self, name: impl Into<String>, value: impl Into<String>) {
        let (name, value) = (name.into(), value.into());
        match self.0.iter_mut().find(|(own, _)| *own == name) {
            Some((_, old)) => *old = value,
            None => self.0.push((name, value)),
        }
    }

    /// Answers names and values.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// Answers whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl From<Vec<String>> for Environment {
    fn from(pairs: Vec<String>) -> Self {
        let mut environment = Self::default();
        for pair in pairs {
            let (name, value) = pair.split_once('=').unwrap_or((&pair, ""));
            environment.set(name, value);
        }
        environment
    }
}

impl From<Environment> for Vec<String> {
    fn from(environment: Environment) -> Self {
        let pair = |(name, value): (String, String)| format!("{name}={value}");
        environment.0.into_iter().map(pair).collect()
    }
}

impl<N: Into<String>, V: Into<String>> FromIterator<(N, V)> for Environment {
    fn from_iter<T: IntoIterator<Item = (N, V)>>(pairs: T) -> Self {
        let mut environment = Self::default();
        for (name, value) in pairs {
            environment.set(name, value);
        }
        environment
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variable_that_is_set_again_keeps_its_place() {
        let mut environment: Environment = [("A", "1"), ("B", "2")].into_iter().collect();
        environment.set("A", "3");
        environment.set("C", "4");
        assert_eq!(Vec::from(environment), ["A=3", "B=2", "C=4"]);
    }
}
