using System.Collections.Immutable;
using Microsoft.Extensions.Logging;
using NativeKubelet.Core.Network;

namespace NativeKubelet.Runtime.Network;

/// <summary>
/// The network of sandboxes. Which kind a pod gets is decided when it is made and written down; it is taken down by the same
/// kind, whatever is configured by then.
/// </summary>
public sealed partial class SandboxNetwork : ISandboxNetwork, IDisposable
{
    private const string BootIdFile = "/proc/sys/kernel/random/boot_id", Failed = "FailedCreatePodSandBox";
    private const int LongestLinkName = 15;

    private readonly NetworkSettings _settings;
    private readonly ILogger _log;
    private readonly CniDirectory _configured;
    private readonly Lazy<Parts> _parts;

    /// <summary>Touches nothing yet: directories, bridge and tables are made when the first pod needs them.</summary>
    /// <exception cref="ArgumentException">The bridge's name or the subnet cannot be; the message names the flag.</exception>
    public SandboxNetwork(NetworkSettings settings, TimeProvider time, ILogger log)
    {
        (_settings, _log) = (settings, log);
        ImmutableArray<Subnet> subnets = [];
        if (settings.PodSubnet is { Length: > 0 } text && PodSubnets.Parse(text, out subnets) is { } problem) throw new ArgumentException($"--pod-subnet: {problem}");
        if (settings.BridgeName.Length > LongestLinkName || settings.BridgeName is "." or ".." || settings.BridgeName.Any(c => c is '/' or ':' || char.IsWhiteSpace(c) || !char.IsAscii(c)))
            throw new ArgumentException($"--bridge-name: \"{settings.BridgeName}\" is no name for a link: at most {LongestLinkName} letters, no blanks, '/' or ':'");
        _configured = new(settings.CniConfDirectory, log);
        _parts = new(() => new Parts(settings, subnets, time, log));
    }

    public string? NotReady
    {
        get
        {
            CniChoice choice = _configured.Read();
            string? problem = choice.Problem ?? (choice.Network is null && _settings.BridgeName.Length == 0 ? "cni plugin not initialized" : null);
            return problem is null ? null : $"container runtime network not ready: NetworkReady=false reason:NetworkPluginNotReady message:Network plugin returns error: {problem}";
        }
    }

    public async Task<ImmutableArray<string>> AddAsync(NetworkAttachment attachment, CancellationToken cancel)
    {
        cancel.ThrowIfCancellationRequested();
        CniChoice choice = _configured.Read();
        if (choice.Problem is not null || (choice.Network is null && _settings.BridgeName.Length == 0))
            throw Failure(attachment.SandboxId, choice.Problem ?? "cni plugin not initialized");
        await RemoveAsync(attachment.SandboxId, cancel);       // of an attempt that was broken off

        NetworkRecord record = NetworkRecord.Of(attachment, _parts.Value.BootId);
        try
        {
            if (choice.Network is { } chosen) record = record with { Cni = CniNetwork.Prepare(chosen, attachment) };
            _parts.Value.Records.Save(record);
            PodCable.SetLoopbackUp(record.NamespacePath);
            record = choice.Network is { } network
                ? await _parts.Value.Cni.AddAsync(record, network, _settings.PreferIpv6, cancel)
                : _parts.Value.Bridge.Add(record, _settings.PreferIpv6);
            record = record with { State = NetworkState.Ready };
            _parts.Value.Records.Save(record);
            NetworkAdded(record.SandboxId, record.Cni?.Network ?? _settings.BridgeName, string.Join(',', record.Ips));
            return record.Ips;
        }
        catch (Exception e)
        {
            await UndoAsync(attachment.SandboxId);
            if (e is OperationCanceledException) throw;
            throw e is RuntimeException or IOException or UnauthorizedAccessException ? Failure(attachment.SandboxId, e.Message, e) : e;
        }
    }

    public async Task RemoveAsync(string sandboxId, CancellationToken cancel)
    {
        Parts parts = _parts.Value;
        if (parts.Records.Find(sandboxId) is not { } record) return;
        if (record.State != NetworkState.Deleting) parts.Records.Save(record = record with { State = NetworkState.Deleting });
        try
        {
            if (record.Cni is not null) await parts.Cni.RemoveAsync(record, cancel);
            else parts.Bridge.Remove(record);
        }
        catch (IOException e)
        {
            throw new RuntimeException("FailedKillPod", $"failed to destroy network for sandbox \"{sandboxId}\": {e.Message}", e);
        }
        parts.Records.Forget(sandboxId);
        NetworkRemoved(sandboxId);
        if (record.Cni is null) GiveWay(parts);
    }

    public Task ReadAsync(CancellationToken cancel) => Task.Run(() => _ = _parts.Value, cancel);

    public async Task ReconcileAsync(ImmutableHashSet<string> liveSandboxes, CancellationToken cancel)
    {
        Parts parts = _parts.Value;
        foreach (NetworkRecord record in parts.Records.All.Where(r => r.State != NetworkState.Ready || !liveSandboxes.Contains(r.SandboxId)))
            try
            {
                await RemoveAsync(record.SandboxId, cancel);
            }
            catch (RuntimeException e)
            {
                LeftoverKept(record.SandboxId, e.Message);      // its record stays for the next start
            }
        try
        {
            parts.Bridge.Restore();
            GiveWay(parts);
        }
        catch (Exception e) when (e is RuntimeException or IOException)
        {
            BridgeNotRestored(_settings.BridgeName, e.Message);      // said again, and louder, by the next pod that needs it
        }
    }

    /// <summary>
    /// All sandboxes' networks, then bridge, table and leases, and node tunables as they were found. For a foreground run and
    /// for uninstalling; a daemon that ends leaves all of it to its pods.
    /// </summary>
    public async Task RemoveEverythingAsync(CancellationToken cancel)
    {
        Parts parts = _parts.Value;
        foreach (NetworkRecord record in parts.Records.All) await RemoveAsync(record.SandboxId, cancel);
        parts.Bridge.RemoveEverything();
    }

    public void Dispose()
    {
        if (_parts.IsValueCreated) _parts.Value.Dispose();
    }

    private void GiveWay(Parts parts)
    {
        try
        {
            if (_configured.Read().Network is not null) parts.Bridge.GiveWay();
        }
        catch (IOException e)
        {
            BridgeNotRemoved(_settings.BridgeName, e.Message);
        }
    }

    private async Task UndoAsync(string sandboxId)
    {
        try
        {
            await RemoveAsync(sandboxId, CancellationToken.None);
        }
        catch (RuntimeException e)
        {
            LeftoverKept(sandboxId, e.Message);
        }
    }

    private static RuntimeException Failure(string sandboxId, string cause, Exception? inner = null) =>
        new(Failed, $"failed to setup network for sandbox \"{sandboxId}\": {cause}", inner);

    /// <summary>What reads or writes anything.</summary>
    private sealed class Parts : IDisposable
    {
        public Parts(NetworkSettings settings, ImmutableArray<Subnet> subnets, TimeProvider time, ILogger log)
        {
            string directory = Path.Combine(settings.DataDirectory, "network");
            BootId = settings.BootId ?? File.ReadAllText(BootIdFile).Trim();
            NodeNamespace node = new(settings.Node);
            Records = new NetworkRecords(Path.Combine(directory, "sandboxes"), log);
            Bridge = new BridgeNetwork(settings, subnets, node, Records, directory, BootId, time, log);
            Cni = new CniNetwork(
                new CniPlugins(settings.CniBinDirectories, node, settings.PluginTimeLimit, time, log), Records, new CniCache(settings.CniCacheDirectory, log), BootId, log);
        }

        public string BootId { get; }
        public NetworkRecords Records { get; }
        public BridgeNetwork Bridge { get; }
        public CniNetwork Cni { get; }

        public void Dispose()
        {
            Bridge.Dispose();
            Cni.Dispose();
        }
    }

    [LoggerMessage(LogLevel.Debug, "NetworkAdded sandbox={SandboxId} network={Network} ips={Ips}")]
    private partial void NetworkAdded(string sandboxId, string network, string ips);

    [LoggerMessage(LogLevel.Debug, "NetworkRemoved sandbox={SandboxId}")]
    private partial void NetworkRemoved(string sandboxId);

    [LoggerMessage(LogLevel.Warning, "NetworkLeftoverKept sandbox={SandboxId}: it is tried again at the next start: {Cause}")]
    private partial void LeftoverKept(string sandboxId, string cause);

    [LoggerMessage(LogLevel.Warning, "BridgeNotRemoved bridge={Bridge}: pods get their network by CNI now, and it is of no use: {Cause}")]
    private partial void BridgeNotRemoved(string bridge, string cause);

    [LoggerMessage(LogLevel.Error, "BridgeNotRestored bridge={Bridge}: {Cause}")]
    private partial void BridgeNotRestored(string bridge, string cause);
}
