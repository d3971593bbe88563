using System.Text;
using System.Text.Json;
using Microsoft.Extensions.Logging;
using NativeKubelet.Api.Cni;
using NativeKubelet.Linux.Files;

namespace NativeKubelet.Runtime.Network;

/// <summary>
/// Shows attachments to other programs in the form that they know. The truth is the record; a cache directory that cannot be
/// written stops no pod.
/// </summary>
internal sealed partial class CniCache(string directory, ILogger log)
{
    private readonly ILogger _log = log;
    private readonly string _results = directory.Length == 0 ? "" : Path.Combine(directory, "results");

    public void Write(NetworkRecord record)
    {
        if (_results.Length == 0 || record.Cni is not { Result: { } result } cni) return;
        CniCacheEntry entry = new(CniCacheEntry.CurrentKind, record.SandboxId, Encoding.UTF8.GetBytes(cni.Config), BridgeNetwork.PodInterface,
            cni.Network, record.NamespacePath, cni.Arguments, Element(cni.Capabilities), Element(result));
        try
        {
            Directory.CreateDirectory(_results);
            AtomicFile.Write(PathOf(record), JsonSerializer.SerializeToUtf8Bytes(entry, CniJson.Default.CniCacheEntry), durable: false);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            CacheNotWritten(_results, e.Message);
        }
    }

    public void Delete(NetworkRecord record)
    {
        if (_results.Length == 0) return;
        try
        {
            File.Delete(PathOf(record));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            if (e is not DirectoryNotFoundException) CacheNotWritten(_results, e.Message);
        }
    }

    private string PathOf(NetworkRecord record) => Path.Combine(_results, $"{record.Cni!.Network}-{record.SandboxId}-{BridgeNetwork.PodInterface}");

    private static JsonElement Element(string json)
    {
        using JsonDocument document = JsonDocument.Parse(json);
        return document.RootElement.Clone();
    }

    [LoggerMessage(LogLevel.Warning, "CniCacheNotWritten directory={Directory}: {Cause}")]
    private partial void CacheNotWritten(string directory, string cause);
}
