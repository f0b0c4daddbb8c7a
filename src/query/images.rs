//! The images of a store as requests want them.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;

use crate::error::Error;
use crate::model::request_image::{ImageBytes, ImageBytesError, RequestImages};
use crate::store::{Snapshot, StoredImages};

/// Reads image bytes from a snapshot.
#[derive(Debug)]
pub struct StoreImages(StoredImages);

/// Memory for the request JPEGs of images that several requests share.
const REQUEST_IMAGE_BYTES: u64 = 256 << 20;

impl StoreImages {
    /// The images of `snapshot` as request JPEGs, each made once.
    pub fn request_images(snapshot: &Snapshot) -> Arc<RequestImages> {
        Arc::new(RequestImages::new(Arc::new(StoreImages::new(snapshot)), REQUEST_IMAGE_BYTES))
    }

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
