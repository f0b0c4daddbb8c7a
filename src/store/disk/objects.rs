//! Lance's files under a watch: every operation of its object stores is told before it happens.

use std::fmt;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::{self, BoxStream, StreamExt};
use futures::{FutureExt, TryStreamExt};
use lance::io::{ObjectStore as LanceStore, ObjectStoreParams, ObjectStoreRegistry};
use lance_io::object_store::ObjectStoreProvider;
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore, PutMultipartOptions, PutOptions,
    PutPayload, PutResult, RenameOptions, Result, UploadPart,
};
use url::Url;

use super::{DiskOperation, DiskWatch};

/// The schemes of local files. At a plain path Lance goes past its own object stores where it can; under the second name it does not.
const PLAIN: &str = "file";
const THROUGH_OBJECT_STORE: &str = "file-object-store";

/// Makes the stores of a registry watched ones.
pub(super) fn watch(registry: &ObjectStoreRegistry, watch: &Arc<dyn DiskWatch>) {
    for scheme in [PLAIN, THROUGH_OBJECT_STORE] {
        if let Some(plain) = registry.get_provider(scheme) {
            registry.insert(scheme, Arc::new(WatchedProvider { plain, watch: Arc::clone(watch) }));
        }
    }
}

#[derive(Debug)]
struct WatchedProvider {
    plain: Arc<dyn ObjectStoreProvider>,
    watch: Arc<dyn DiskWatch>,
}

#[async_trait]
impl ObjectStoreProvider for WatchedProvider {
    async fn new_store(&self, base_path: Url, params: &ObjectStoreParams) -> lance::Result<LanceStore> {
        let through = format!("{THROUGH_OBJECT_STORE}://{}", base_path.path());
        let base_path = Url::parse(&through).map_err(|cause| lance::Error::invalid_input(format!("'{through}': {cause}")))?;
        let mut store = self.plain.new_store(base_path, params).await?;
        store.inner = Arc::new(Watched { plain: store.inner, watch: Arc::clone(&self.watch) });
        Ok(store)
    }

    fn extract_path(&self, url: &Url) -> lance::Result<Path> {
        self.plain.extract_path(url)
    }

    fn calculate_object_store_prefix(
        &self,
        url: &Url,
        storage_options: Option<&std::collections::HashMap<String, String>>,
    ) -> lance::Result<String> {
        self.plain.calculate_object_store_prefix(url, storage_options)
    }
}

/// A store, or an upload to it, with who watches it.
#[derive(Debug)]
struct Watched<T> {
    plain: T,
    watch: Arc<dyn DiskWatch>,
}

/// Asks the watch about an operation on a place of an object store.
fn before(watch: &Arc<dyn DiskWatch>, operation: DiskOperation, location: &Path) -> Result<()> {
    let path = PathBuf::from(format!("/{location}"));
    watch.before(operation, &path).map_err(|cause| Error::Generic { store: "disk", source: Box::new(cause) })
}

impl fmt::Display for Watched<Arc<dyn ObjectStore>> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "watched {}", self.plain)
    }
}

#[async_trait]
impl ObjectStore for Watched<Arc<dyn ObjectStore>> {
    async fn put_opts(&self, location: &Path, payload: PutPayload, opts: PutOptions) -> Result<PutResult> {
        before(&self.watch, DiskOperation::Write, location)?;
        self.plain.put_opts(location, payload, opts).await
    }

    async fn put_multipart_opts(&self, location: &Path, opts: PutMultipartOptions) -> Result<Box<dyn MultipartUpload>> {
        before(&self.watch, DiskOperation::Write, location)?;
        let upload = self.plain.put_multipart_opts(location, opts).await?;
        Ok(Box::new(WatchedUpload { upload: Watched { plain: upload, watch: Arc::clone(&self.watch) }, location: location.clone() }))
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        before(&self.watch, DiskOperation::Read, location)?;
        self.plain.get_opts(location, options).await
    }

    async fn get_ranges(&self, location: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        before(&self.watch, DiskOperation::Read, location)?;
        self.plain.get_ranges(location, ranges).await
    }

    fn delete_stream(&self, locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        let watch = Arc::clone(&self.watch);
        let allowed = locations.and_then(move |location| {
            let asked = before(&watch, DiskOperation::Remove, &location);
            futures::future::ready(asked.map(|()| location))
        });
        self.plain.delete_stream(allowed.boxed())
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        match before(&self.watch, DiskOperation::List, prefix.unwrap_or(&Path::default())) {
            Ok(()) => self.plain.list(prefix),
            Err(refused) => stream::once(futures::future::ready(Err(refused))).boxed(),
        }
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        before(&self.watch, DiskOperation::List, prefix.unwrap_or(&Path::default()))?;
        self.plain.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        before(&self.watch, DiskOperation::Write, to)?;
        self.plain.copy_opts(from, to, options).await
    }

    async fn rename_opts(&self, from: &Path, to: &Path, options: RenameOptions) -> Result<()> {
        before(&self.watch, DiskOperation::Rename, to)?;
        self.plain.rename_opts(from, to, options).await
    }
}

#[derive(Debug)]
struct WatchedUpload {
    upload: Watched<Box<dyn MultipartUpload>>,
    location: Path,
}

#[async_trait]
impl MultipartUpload for WatchedUpload {
    fn put_part(&mut self, data: PutPayload) -> UploadPart {
        match before(&self.upload.watch, DiskOperation::Write, &self.location) {
            Ok(()) => self.upload.plain.put_part(data),
            Err(refused) => futures::future::ready(Err(refused)).boxed(),
        }
    }

    async fn complete(&mut self) -> Result<PutResult> {
        before(&self.upload.watch, DiskOperation::Rename, &self.location)?;
        self.upload.plain.complete().await
    }

    async fn abort(&mut self) -> Result<()> {
        before(&self.upload.watch, DiskOperation::Remove, &self.location)?;
        self.upload.plain.abort().await
    }
}
