//! The users and groups of a root file system: its `/etc/passwd` and `/etc/group` (passwd(5), group(5)).
//!
//! Who runs a program is found as container engines do (`moby/sys/user`, `GetExecUser`); who owns copied files as
//! `COPY --chown` does, where a number without a group is the group too.

use coracle_spec::{Class, Failure};

/// The most that is read of either file, in bytes.
pub const LARGEST_ACCOUNTS: u64 = 10 << 20;

/// The users and groups of a root file system.
#[derive(Debug, Clone, Default)]
pub struct Accounts {
    /// The text of `/etc/passwd`; empty when there is none.
    pub passwd: String,
    /// The text of `/etc/group`; empty when there is none.
    pub group: String,
}

/// Who a program runs as, inside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// The user's number.
    pub uid: u32,
    /// The number of the main group.
    pub gid: u32,
    /// The other groups that the user is in. None when a group was said: engines take that one for all.
    pub groups: Vec<u32>,
    /// The user's folder; `/` for who has none.
    pub home: String,
}

/// A user or group that is nobody.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{name}` is not in the image's `{file}`")]
pub struct UnknownAccount {
    name: String,
    file: &'static str,
}

impl Failure for UnknownAccount {
    fn class(&self) -> Class {
        Class::User
    }

    fn hint(&self) -> Option<String> {
        Some("name one that is there, or use numbers".to_owned())
    }
}

/// A row of `/etc/passwd`.
struct Row<'a> {
    name: &'a str,
    uid: u32,
    gid: u32,
    home: &'a str,
}

impl Accounts {
    /// Answers who `text` is: `user`, `uid`, `user:group`, `uid:gid`, as an image's configuration and `USER` say it.
    /// Nothing is the super-user.
    pub fn user(&self, text: &str) -> Result<User, UnknownAccount> {
        let (user, group) = text.split_once(':').unwrap_or((text, ""));
        let user = if user.is_empty() { "0" } else { user };
        let number: Option<u32> = user.parse().ok();
        let row = self
            .rows()
            .find(|row| row.name == user || Some(row.uid) == number);
        let known = match (&row, number) {
            (Some(row), _) => (row.uid, row.gid),
            (None, Some(uid)) => (uid, 0),
            (None, None) => return Err(unknown(user, "/etc/passwd")),
        };
        let (gid, groups) = match group {
            "" => (
                known.1,
                row.as_ref()
                    .map_or_else(Vec::new, |row| self.memberships(row.name)),
            ),
            group => (self.group(group)?, Vec::new()),
        };
        let home = row.map_or("/", |row| row.home);
        Ok(User {
            uid: known.0,
            gid,
            groups,
            home: if home.is_empty() { "/" } else { home }.to_owned(),
        })
    }

    /// Answers user and group of files that belong to `text`, as `--chown` says it. Names that are not there are root's,
    /// as `BuildKit` has it.
    pub fn owner(&self, text: &str) -> (u32, u32) {
        let (user, group) = match text.split_once(':') {
            Some((user, group)) => (user, Some(group)),
            None => (text, None),
        };
        let (uid, own) = match user {
            "" | "root" => (0, 0),
            user => {
                let row = || self.rows().find(|row| row.name == user);
                let named = || row().map_or((0, 0), |row| (row.uid, row.gid));
                user.parse()
                    .map_or_else(|_| named(), |number: u32| (number, number))
            }
        };
        match group {
            None => (uid, own),
            Some("" | "root") => (uid, 0),
            Some(group) => (uid, self.group(group).unwrap_or(own)),
        }
    }

    fn rows(&self) -> impl Iterator<Item = Row<'_>> {
        self.passwd.lines().filter_map(|line| {
            let mut fields = line.split(':');
            let (name, _, uid, gid) = (fields.next()?, fields.next()?, fields.next()?, fields.next()?);
            Some(Row {
                name,
                uid: uid.parse().ok()?,
                gid: gid.parse().ok()?,
                home: fields.nth(1).unwrap_or_default(),
            })
        })
    }

    /// Answers name, number and members of each group.
    fn groups(&self) -> impl Iterator<Item = (&str, u32, &str)> {
        self.group.lines().filter_map(|line| {
            let mut fields = line.split(':');
            let (name, _, gid) = (fields.next()?, fields.next()?, fields.next()?);
            Some((name, gid.parse().ok()?, fields.next().unwrap_or_default()))
        })
    }

    fn group(&self, group: &str) -> Result<u32, UnknownAccount> {
        let named = || {
            self.groups()
                .find(|(name, ..)| *name == group)
                .map(|(_, gid, _)| gid)
        };
        let number = group.parse().ok();
        number.or_else(named).ok_or_else(|| unknown(group, "/etc/group"))
    }

    fn memberships(&self, user: &str) -> Vec<u32> {
        let of_user = |members: &str| members.split(',').any(|member| member.trim() == user);
        let listed = self.groups().filter(|(_, _, members)| of_user(members));
        listed.map(|(_, gid, _)| gid).collect()
    }
}

fn unknown(name: &str, file: &'static str) -> UnknownAccount {
    UnknownAccount {
        name: name.to_owned(),
        file,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accounts() -> Accounts {
        Accounts {
            passwd: "root:x:0:0::/root:/bin/sh\nweb:x:33:34::/srv:\nbad\n".to_owned(),
            group: "root:x:0:\nstaff:x:50:web, root\naudio:x:29:web\n".to_owned(),
        }
    }

    #[test]
    fn who_runs_is_found_as_engines_do() {
        for (text, uid, gid, groups, home) in [
            ("", 0, 0, vec![50], "/root"),
            ("web", 33, 34, vec![50, 29], "/srv"),
            ("33", 33, 34, vec![50, 29], "/srv"),
            ("1000", 1000, 0, vec![], "/"),
            ("web:staff", 33, 50, vec![], "/srv"),
            ("7:8", 7, 8, vec![], "/"),
        ] {
            let home = home.to_owned();
            let user = User {
                uid,
                gid,
                groups,
                home,
            };
            assert_eq!(accounts().user(text), Ok(user), "{text}");
        }
        for text in ["nobody", "web:wheel"] {
            assert!(accounts().user(text).is_err(), "{text}");
        }
    }

    #[test]
    fn who_owns_copied_files_has_the_group_of_the_same_number() {
        for (text, owner) in [
            ("web", (33, 34)),
            ("33", (33, 33)),
            ("web:staff", (33, 50)),
            (":5", (0, 5)),
            ("root:root", (0, 0)),
        ] {
            assert_eq!(accounts().owner(text), owner, "{text}");
        }
        assert_eq!(accounts().owner("nobody"), (0, 0));
        assert_eq!(Accounts::default().owner("web:staff"), (0, 0));
    }
}
