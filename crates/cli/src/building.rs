//! A build with its progress, ended by Ctrl-C, with the failing step's log.

use std::sync::Arc;

use coracle_build::{BuildError, Built, Observer, Request};
use coracle_tasks::CancellationToken;

use crate::engine::Engine;
use crate::error::Error;
use crate::interrupt::{Interrupt, Interrupted};
use crate::printer::Printer;
use crate::progress::Progress;

/// Builds, and shows how it goes. Ctrl-C ends the build; what its finished steps made is kept.
pub(crate) async fn build(engine: &Engine, request: &Request, printer: Printer) -> Result<Built, Error> {
    coracle_keeper::check_privileges()?;
    let building = watched(printer, async |observer, cancel| {
        engine.builder.build(request, observer, cancel).await
    });
    building.await?.map_err(|error| failed(error, printer))
}

/// Does `work`, which builds, and shows how it goes. Ctrl-C ends it.
pub(crate) async fn watched<T>(
    printer: Printer,
    work: impl AsyncFnOnce(Arc<dyn Observer>, &CancellationToken) -> T,
) -> Result<T, Error> {
    let progress = Progress::start(printer);
    let cancel = CancellationToken::new();
    let building = work(progress.observer(), &cancel);
    tokio::pin!(building);
    let mut interrupt = Interrupt::listen()?;
    let result = tokio::select! {
        result = &mut building => result,
        () = interrupt.next() => {
            cancel.cancel();
            // Whatever it comes to: steps still have to end.
            let _ = building.await;
            progress.finish();
            return Err(Interrupted.into());
        }
    };
    progress.finish();
    Ok(result)
}

/// Shows what the failing step printed last, above the error itself, unless it was shown line by line.
fn failed(error: BuildError, printer: Printer) -> Error {
    let shown = !printer.is_live() && !printer.is_quiet();
    if let Some(log) = error.log().filter(|_| !shown) {
        printer.insist(log.to_string().trim_end());
    }
    error.into()
}
