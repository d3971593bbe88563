using System.Collections.Concurrent;
using System.Collections.Immutable;
using Microsoft.Extensions.Logging;
using NativeKubelet.Linux.Files;

namespace NativeKubelet.Runtime.Network;

/// <summary>The records of all sandboxes' networks, in memory and in a directory, one file each.</summary>
public sealed partial class NetworkRecords
{
    private const string Suffix = ".json";
    private const int MaxBytes = 4 << 20;

    private readonly string _directory;
    private readonly ILogger _log;
    private readonly ConcurrentDictionary<string, NetworkRecord> _records = new();

    public NetworkRecords(string directory, ILogger log)
    {
        (_directory, _log) = (directory, log);
        Directory.CreateDirectory(directory);
        AtomicFile.RemoveLeftovers(directory);
        foreach (string path in Directory.EnumerateFiles(directory, "*" + Suffix)) Load(path);
    }

    public ImmutableArray<NetworkRecord> All => [.. _records.Values];

    public NetworkRecord? Find(string sandboxId) => _records.GetValueOrDefault(sandboxId);

    /// <summary>Synced for plugins, which keep things across a power cut that only their DEL gives back; the bridge keeps nothing.</summary>
    public void Save(NetworkRecord record)
    {
        AtomicFile.Write(PathOf(record.SandboxId), record.ToJson(), durable: record.Cni is not null);
        _records[record.SandboxId] = record;
    }

    public void Forget(string sandboxId)
    {
        File.Delete(PathOf(sandboxId));
        _records.TryRemove(sandboxId, out _);
    }

    private string PathOf(string sandboxId) => Path.Combine(_directory, sandboxId + Suffix);

    private void Load(string path)
    {
        RegularFileResult result = RegularFile.TryRead(path, MaxBytes, out byte[] content);
        NetworkRecord? record = result == RegularFileResult.Read ? NetworkRecord.TryParse(content) : null;
        if (record is not null && Path.GetFileName(path) == record.SandboxId + Suffix) _records[record.SandboxId] = record;
        else if (result != RegularFileResult.Missing) NetworkRecordSetAside(AtomicFile.SetAside(path));
    }

    [LoggerMessage(LogLevel.Error, "NetworkRecordSetAside path={Path}: it cannot be read; addresses of its sandbox may stay taken until its plugin collects them")]
    private partial void NetworkRecordSetAside(string path);
}
