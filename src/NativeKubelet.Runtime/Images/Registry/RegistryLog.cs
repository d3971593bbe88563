using Microsoft.Extensions.Logging;

namespace NativeKubelet.Runtime.Images.Registry;

internal static partial class RegistryLog
{
    [LoggerMessage(Level = LogLevel.Warning, Message = "RegistryKeyIgnored file={File} {Key}: it means nothing to this build")]
    public static partial void RegistryKeyIgnored(this ILogger log, string file, string key);

    [LoggerMessage(Level = LogLevel.Debug, Message = "RegistryHostFailed object={Object} host={Host}: {Reason}")]
    public static partial void RegistryHostFailed(this ILogger log, string @object, RegistryHost host, string reason);

    [LoggerMessage(Level = LogLevel.Information, Message = "RegistryRetried object={Object} in={Milliseconds}ms: {Reason}")]
    public static partial void RegistryRetried(this ILogger log, string @object, long milliseconds, string reason);

    [LoggerMessage(Level = LogLevel.Information, Message = "DownloadResumed blob={Digest} at={Offset} of={Size}: {Reason}")]
    public static partial void DownloadResumed(this ILogger log, string digest, long offset, long size, string reason);

    [LoggerMessage(Level = LogLevel.Warning, Message = "CredentialsUnreadable file={File}: {Reason}; the next place is looked at")]
    public static partial void CredentialsUnreadable(this ILogger log, string file, string reason);
}
