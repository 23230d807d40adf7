//! Work with image registries that Ctrl-C ends, and that is shown while it goes on.

use std::pin::pin;

use coracle_content::Store;
use coracle_distribution::{Client, DistributionError};
use coracle_spec::{Class, Failure};
use coracle_tasks::CancellationToken;

use crate::context::Context;
use crate::error::Error;
use crate::interrupt::Interrupt;
use crate::transfers::Transfers;

/// Answers a client of registries over `store` that is whom the user is.
pub(crate) fn client(context: &Context, store: &Store) -> Client {
    let settings = &context.settings;
    Client::new(store.clone(), settings.registries.client(&settings.outside))
}

/// The user ended a pull or a push.
#[derive(Debug, thiserror::Error)]
#[error("{0} was interrupted")]
struct Interrupted(&'static str);

impl Failure for Interrupted {
    fn class(&self) -> Class {
        Class::Unavailable
    }

    fn hint(&self) -> Option<String> {
        Some("the next time goes on from the layers that had arrived".to_owned())
    }
}

/// Does `work`, which shows its transfers under the word `doing`, until it ends or Ctrl-C ends it: then it is waited for
/// until it has removed what it began.
pub(crate) async fn work<T>(
    context: &Context,
    doing: &'static str,
    work: impl AsyncFnOnce(&Transfers, &CancellationToken) -> Result<T, DistributionError>,
) -> Result<T, Error> {
    let transfers = Transfers::start(context.printer, doing);
    let cancel = CancellationToken::new();
    let mut interrupt = Interrupt::listen()?;
    let result = {
        let mut working = pin!(work(&transfers, &cancel));
        tokio::select! {
            result = &mut working => result.map_err(Error::from),
            () = interrupt.next() => {
                cancel.cancel();
                // Whatever it comes to: it ends soon.
                let _ = working.await;
                Err(Interrupted(doing).into())
            }
        }
    };
    transfers.finish();
    result
}
