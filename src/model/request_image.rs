//! The images of requests: each is made once, kept while there is room, and shared by every request that shows it.

use std::sync::{Arc, OnceLock};

use async_trait::async_trait;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use moka::future::Cache;
use tokio::sync::Semaphore;

use crate::image::{self, ImageError, RequestJpeg};

/// What a cached image takes beside its bytes.
const ENTRY_OVERHEAD_BYTES: usize = 256;

/// An image as requests show it: a JPEG that fits 512x512.
#[derive(Debug)]
pub struct RequestImage {
    /// The hash of the original file, not of `jpeg`.
    pub image_id: String,
    /// The file.
    pub jpeg: Bytes,
    /// In pixels.
    pub width: u32,
    /// In pixels.
    pub height: u32,
    data_url: OnceLock<String>,
}

impl RequestImage {
    /// The request image of the file whose content hash is `image_id`.
    pub fn new(image_id: impl Into<String>, image: RequestJpeg) -> RequestImage {
        let RequestJpeg { jpeg, width, height } = image;
        RequestImage { image_id: image_id.into(), jpeg, width, height, data_url: OnceLock::new() }
    }

    /// The JPEG as `data:image/jpeg;base64,...`. Made at the first call; embedded models never ask for it.
    pub fn data_url(&self) -> &str {
        self.data_url.get_or_init(|| {
            let mut url = "data:image/jpeg;base64,".to_owned();
            STANDARD.encode_string(&self.jpeg, &mut url);
            url
        })
    }

    /// What the image takes in memory once its data URL is made.
    fn cached_bytes(&self) -> u32 {
        let base64_bytes = self.jpeg.len().div_ceil(3) * 4;
        u32::try_from(self.jpeg.len() + base64_bytes + ENTRY_OVERHEAD_BYTES).unwrap_or(u32::MAX)
    }
}

/// Where the bytes of images come from: the store, or a test.
#[async_trait]
pub trait ImageBytes: Send + Sync {
    /// The bytes of the original file.
    ///
    /// # Errors
    /// There is no image of this id, or its bytes cannot be read.
    async fn image_bytes(&self, image_id: &str) -> Result<Bytes, ImageBytesError>;
}

/// Why the bytes of an image cannot be had.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "the message of a variant says what its fields are")]
pub enum ImageBytesError {
    /// No image has this id.
    #[error("there is no image {image_id}")]
    Unknown { image_id: String },
    /// It is there and cannot be read.
    #[error("cannot read image {image_id}: {cause}")]
    Unreadable { image_id: String, cause: String },
}

/// Why there is no request image.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "the message of a variant says what its fields are")]
pub enum RequestImageError {
    /// The original cannot be had.
    #[error(transparent)]
    Bytes(#[from] ImageBytesError),
    /// The original cannot be decoded or converted.
    #[error(transparent)]
    Image(#[from] ImageError),
    /// The decoder panicked: a fault of the decoder, which concerns this image alone.
    #[error("image {image_id} makes its decoder fail: {cause}")]
    Decoder { image_id: String, cause: String },
}

/// Makes request images and keeps them while there is room.
///
/// A sample asks for its image once per round and once more for the judge, so the cache saves most conversions when it holds the
/// images of the samples in flight.
pub struct RequestImages {
    source: Arc<dyn ImageBytes>,
    cache: Cache<String, Arc<RequestImage>>,
    /// One permit per core: a conversion is all CPU and may take a gigabyte.
    conversions: Arc<Semaphore>,
}

impl RequestImages {
    /// An empty cache that holds up to about `capacity_bytes` of JPEGs and data URLs; with 0, nothing is kept.
    pub fn new(source: Arc<dyn ImageBytes>, capacity_bytes: u64) -> RequestImages {
        let cache = Cache::builder().max_capacity(capacity_bytes).weigher(|_, image: &Arc<RequestImage>| image.cached_bytes()).build();
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        RequestImages { source, cache, conversions: Arc::new(Semaphore::new(cores)) }
    }

    /// The request image of `image_id`, from the cache or made now. Many calls for one image at a time make it once. Failures are not
    /// kept: the next call tries again.
    ///
    /// # Errors
    /// The bytes cannot be had, or cannot be turned into a JPEG.
    pub async fn get(&self, image_id: &str) -> Result<Arc<RequestImage>, RequestImageError> {
        self.cache.try_get_with_by_ref(image_id, self.make(image_id)).await.map_err(|error| (*error).clone())
    }

    async fn make(&self, image_id: &str) -> Result<Arc<RequestImage>, RequestImageError> {
        let bytes = self.source.image_bytes(image_id).await?;
        // Fails only on a closed semaphore, and this one is never closed. The permit goes along, because the conversion runs on even if
        // this future is dropped.
        let permit = Arc::clone(&self.conversions).acquire_owned().await.ok();
        let conversion = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            image::request_jpeg(&bytes)
        });
        let jpeg = conversion
            .await
            .map_err(|error| RequestImageError::Decoder { image_id: image_id.to_owned(), cause: error.to_string() })?
            .map_err(|error| error.named(image_id))?;
        Ok(Arc::new(RequestImage::new(image_id, jpeg)))
    }
}

impl std::fmt::Debug for RequestImages {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RequestImages").field("cached_bytes", &self.cache.weighted_size()).finish_non_exhaustive()
    }
}
