//! The images of a store as requests want them.

use async_trait::async_trait;
use bytes::Bytes;

use crate::error::Error;
use crate::model::request_image::{ImageBytes, ImageBytesError};
use crate::store::{Snapshot, StoredImages};

/// Reads image bytes from a snapshot.
#[derive(Debug)]
pub struct StoreImages(StoredImages);

impl StoreImages {
    /// The images of `snapshot`. Reads nothing yet.
    pub fn new(snapshot: &Snapshot) -> StoreImages {
        StoreImages(StoredImages::new(snapshot))
    }
}

#[async_trait]
impl ImageBytes for StoreImages {
    async fn image_bytes(&self, image_id: &str) -> Result<Bytes, ImageBytesError> {
        self.0.bytes(image_id).await.map_err(|error| match error {
            Error::UnknownId { id, .. } => ImageBytesError::Unknown { image_id: id },
            other => ImageBytesError::Unreadable { image_id: image_id.to_owned(), cause: other.to_string() },
        })
    }
}
