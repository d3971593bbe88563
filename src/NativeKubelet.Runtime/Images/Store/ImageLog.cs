using Microsoft.Extensions.Logging;

namespace NativeKubelet.Runtime.Images.Store;

internal static partial class ImageLog
{
    [LoggerMessage(Level = LogLevel.Information, Message = "ImagePulled image={Image} id={Id} size={Size} layers={Layers}")]
    public static partial void ImagePulled(this ILogger log, string image, string id, long size, int layers);

    [LoggerMessage(Level = LogLevel.Information, Message = "ImageImported archive={Archive} image={Image} id={Id} size={Size}")]
    public static partial void ImageImported(this ILogger log, string archive, string image, string id, long size);

    [LoggerMessage(Level = LogLevel.Information, Message = "ImageRemoved image={Image} id={Id}")]
    public static partial void ImageRemoved(this ILogger log, string image, string id);

    [LoggerMessage(Level = LogLevel.Debug, Message = "LayerUnpacked chain={Chain} entries={Entries} bytes={Bytes} in={Milliseconds}ms")]
    public static partial void LayerUnpacked(this ILogger log, string chain, int entries, long bytes, long milliseconds);

    [LoggerMessage(Level = LogLevel.Warning, Message = "LayerDevicesSkipped chain={Chain} count={Count}: this host does not let us make device nodes")]
    public static partial void LayerDevicesSkipped(this ILogger log, string chain, int count);

    [LoggerMessage(Level = LogLevel.Debug, Message = "LayerRemoved chain={Chain}")]
    public static partial void LayerRemoved(this ILogger log, string chain);

    [LoggerMessage(Level = LogLevel.Error, Message = "ImageRecordSetAside file={File} now={Aside}: {Reason}; pull or import the image again")]
    public static partial void ImageRecordSetAside(this ILogger log, string file, string aside, string reason);

    [LoggerMessage(Level = LogLevel.Warning, Message = "LayerSetAside directory={Directory}: {Reason}; it is unpacked again when an image needs it")]
    public static partial void LayerSetAside(this ILogger log, string directory, string reason);

    [LoggerMessage(Level = LogLevel.Warning, Message = "OverlayUnavailable reason={Reason}: root file systems are copied instead, which takes time and space; put the data directory on ext4 or xfs")]
    public static partial void OverlayUnavailable(this ILogger log, string reason);

    [LoggerMessage(Level = LogLevel.Warning, Message = "BlobRejected digest={Digest}: {Reason}; fetching it once more")]
    public static partial void BlobRejected(this ILogger log, string digest, string reason);

    [LoggerMessage(Level = LogLevel.Error, Message = "PreloadFailed file={File}: {Reason}")]
    public static partial void PreloadFailed(this ILogger log, string file, string reason);

    [LoggerMessage(Level = LogLevel.Warning, Message = "PreloadWatchFailed directory={Directory}: {Reason}; new archives are seen at the next start")]
    public static partial void PreloadWatchFailed(this ILogger log, string directory, string reason);

    [LoggerMessage(Level = LogLevel.Warning, Message = "StoreCleanupFailed object={Object}: {Reason}; it is tried again at the next start")]
    public static partial void StoreCleanupFailed(this ILogger log, string @object, string reason);
}
