//! Lists in pages: in the specification's order, from a name on, up to a number.

/// The most that one page has when nobody asks for fewer.
const MOST: usize = 10_000;

/// What somebody asks of a list.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Asked {
    /// The most names.
    pub(crate) count: Option<usize>,
    /// The name that the page before ended with.
    pub(crate) last: Option<String>,
}

/// A page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Page {
    pub(crate) names: Vec<String>,
    /// The next one begins after this name.
    pub(crate) next: Option<String>,
}

/// Takes a page out of `names`: in case-insensitive alphanumeric order (OCI distribution specification 1.1, "Listing
/// Tags"), and names that differ in case only by their bytes.
pub(crate) fn page(mut names: Vec<String>, asked: &Asked) -> Page {
    let key = |name: &str| (name.to_ascii_lowercase(), name.to_owned());
    names.sort_by_cached_key(|name| key(name));
    if let Some(last) = &asked.last {
        let last = key(last);
        names.retain(|name| key(name) > last);
    }
    let count = asked.count.unwrap_or(MOST).min(MOST);
    let more = names.len() > count && count > 0;
    names.truncate(count);
    Page {
        next: more.then(|| names.last().cloned()).flatten(),
        names,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(text: &str) -> Vec<String> {
        text.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn pages_follow_each_other_without_a_gap_whatever_the_case() {
        let all = names("b A a C B latest v10 v2");
        let mut seen = Vec::new();
        let mut asked = Asked {
            count: Some(3),
            last: None,
        };
        loop {
            let page = page(all.clone(), &asked);
            seen.extend(page.names);
            asked.last = page.next;
            if asked.last.is_none() {
                break;
            }
        }
        assert_eq!(seen, names("A a B b C latest v10 v2"));
    }

    #[test]
    fn none_are_asked_for_and_none_come() {
        let asked = Asked {
            count: Some(0),
            last: None,
        };
        let page = page(names("a b"), &asked);
        assert_eq!((page.names.len(), page.next), (0, None));
    }

    #[test]
    fn a_last_name_that_is_not_there_is_a_place_all_the_same() {
        let asked = Asked {
            count: None,
            last: Some("b".to_owned()),
        };
        assert_eq!(page(names("a c d"), &asked).names, names("c d"));
    }
}
