//! Work with image registries that Ctrl-C ends, and that is shown while it goes on.

use coracle_content::Store;
use coracle_distribution::{Client, DistributionError};
use coracle_tasks::CancellationToken;

use crate::context::Context;
use crate::error::Error;
use crate::interrupt::{Interrupt, Interrupted};
use crate::transfers::Transfers;

/// Answers a client of registries over `store` that is whom the user is.
pub(crate) fn client(context: &Context, store: &Store) -> Client {
    let settings = &context.settings;
    Client::new(store.clone(), settings.registries.client(&settings.outside))
}

/// Does `work`, which shows its transfers under the word `doing`, until it ends or Ctrl-C ends it.
pub(crate) async fn work<T>(
    context: &Context,
    doing: &'static str,
    work: impl AsyncFnOnce(&Transfers, &CancellationToken) -> Result<T, DistributionError>,
) -> Result<T, Error> {
    let transfers = Transfers::start(context.printer, doing);
    let cancel = CancellationToken::new();
    let mut interrupt = Interrupt::listen()?;
    let result = tokio::select! {
        result = work(&transfers, &cancel) => result.map_err(Error::from),
        () = interrupt.next() => Err(Interrupted.into()),
    };
    cancel.cancel();
    transfers.finish();
    result
}
