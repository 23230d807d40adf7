//! Files that somebody wrote to do harm.

use std::fmt::Write;

use super::{Given, refusal};

fn is_refused_for(text: &str, why: &str) {
    let error = refusal(text);
    assert!(error.contains(why), "{}", &error[..error.len().min(500)]);
    assert!(error.len() < 10_000, "{}", error.len());
}

#[test]
fn variables_that_double_are_refused() {
    let doubled = "ENV A=$A$A\n".repeat(40);
    is_refused_for(&format!("FROM a\nENV A=aaaaaaaaaa\n{doubled}"), "bytes");
    let wide = "$A".repeat(20_000);
    is_refused_for(
        &format!("FROM a\nENV A={}\nLABEL b={wide}\n", "a".repeat(1000)),
        "bytes together",
    );
    let global = "ARG A=$A$A\n".repeat(40);
    is_refused_for(&format!("ARG A=aaaaaaaaaa\n{global}FROM a$A\n"), "bytes together");
}

#[test]
fn more_steps_instructions_and_variables_than_make_sense_are_refused() {
    is_refused_for(&format!("FROM a\n{}", "RUN a\n".repeat(1_500)), "steps");
    is_refused_for(&"FROM scratch\n".repeat(20_000), "instructions");
    let many = (0..9_000).fold("ENV".to_owned(), |mut text, number| {
        let _ = write!(text, " A{number}=1");
        if number % 1_000 == 0 {
            text.push_str(" \\\n");
        }
        text
    });
    is_refused_for(&format!("FROM a\n{many}\n"), "variables");
}

#[test]
fn a_history_that_grows_with_each_command_is_refused() {
    let argument = "a".repeat(60_000);
    is_refused_for(
        &format!("FROM a\nARG A={argument}\n{}", "RUN a\n".repeat(100)),
        "history",
    );
}

#[test]
fn stages_that_copy_from_many_are_planned_in_time() {
    let mut text = String::new();
    for stage in 0..120 {
        let _ = writeln!(text, "FROM scratch AS s{stage}");
        for from in 0..stage {
            let _ = writeln!(text, "COPY --from=s{from} / /");
        }
    }
    assert!(Given::new(&text).planned().is_err());
    assert!(Given::new(&text).stage("s8").planned().is_ok());
}
