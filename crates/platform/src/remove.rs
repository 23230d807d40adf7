//! Removing a function: its traffic first, then its instances, then what is known of it.

use coracle_spec::FunctionId;

use crate::platform::Platform;
use crate::records::RecordError;

impl Platform {
    /// Removes a function with its instances, its revisions and its log.
    ///
    /// Requests in flight finish; answers when its instances have ended.
    pub async fn remove(&self, id: &FunctionId) -> Result<(), RecordError> {
        let _turn = self.turn(id).await;
        self.records().remove(id).await?;
        if let Some(fleet) = self.functions().take(id) {
            fleet.close();
            fleet.ended().await;
        }
        Ok(self.services().journal.forget(id).await?)
    }
}
