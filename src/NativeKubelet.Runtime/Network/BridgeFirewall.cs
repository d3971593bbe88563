using System.Collections.Immutable;
using System.Net.Sockets;
using Microsoft.Extensions.Logging;
using NativeKubelet.Core.Network;
using NativeKubelet.Linux.Libc;
using NativeKubelet.Linux.Netlink;

namespace NativeKubelet.Runtime.Network;

/// <summary>
/// The bridge's tables, one for each family. They are replaced whole, and again when another program has flushed them; that
/// is heard of, not looked for.
/// </summary>
internal sealed partial class BridgeFirewall(string bridge, NodeNamespace node, TimeProvider time, ILogger log) : IDisposable
{
    // A program that flushes again and again must not keep us busy.
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(1);
    private static readonly AddressFamily[] Families = [AddressFamily.InterNetwork, AddressFamily.InterNetworkV6];

    private const int ProtocolNotSupported = 93;

    private readonly Lock _gate = new();
    private readonly CancellationTokenSource _end = new();
    private readonly string _table = "nativekubelet_" + bridge;
    private readonly ILogger _log = log;
    private NftSocket? _socket;
    private NftChanges? _changes;
    private bool _disposed;
    private (ImmutableArray<Subnet> Subnets, ImmutableArray<PortForward> Forwards)? _content;

    /// <exception cref="ErrnoException">The kernel lacks nf_tables, or a part of it.</exception>
    public void Replace(ImmutableArray<Subnet> subnets, ImmutableArray<PortForward> forwards)
    {
        lock (_gate)
        {
            _socket ??= node.Run(NftSocket.Open);
            Write(subnets, forwards);
            _content = (subnets, forwards);
            if (_changes is not null) return;
            _changes = node.Run(() => _socket.Listen(_table));
            WarnOfOthers(_socket);
            _ = Task.Run(() => WatchAsync(_changes));
        }
    }

    public void Remove()
    {
        lock (_gate)
        {
            _content = null;
            try
            {
                _socket ??= node.Run(NftSocket.Open);
                foreach (AddressFamily family in Families)
                    if (_socket.HasTable(_table, family)) _socket.Commit(_table, family, batch => batch.DropTable());
            }
            catch (ErrnoException e) when (e.Errno is Errno.EOPNOTSUPP or Errno.EINVAL or ProtocolNotSupported)
            {
                // A kernel without nf_tables has no tables of ours.
            }
        }
    }

    public void Dispose()
    {
        lock (_gate)
        {
            if (_disposed) return;
            _disposed = true;
            _end.Cancel();
            _content = null;
            _changes?.Dispose();
            _socket?.Dispose();
        }
        _end.Dispose();
    }

    private void Write(ImmutableArray<Subnet> subnets, ImmutableArray<PortForward> forwards)
    {
        foreach (AddressFamily family in Families)
            if (subnets.Any(s => s.Family == family))
                _socket!.Commit(_table, family, batch => BridgeRules.Write(batch, family, bridge, subnets, [], forwards));
    }

    private async Task WatchAsync(NftChanges changes)
    {
        try
        {
            while (true)
            {
                await changes.LossAsync(_end.Token);
                await Task.Delay(Pause, time, _end.Token);
                lock (_gate)
                {
                    if (_content is not { } content) continue;
                    Write(content.Subnets, content.Forwards);
                }
                RulesRestored(_table);
            }
        }
        catch (Exception e) when (e is OperationCanceledException or ObjectDisposedException)
        {
            // The network is being given up.
        }
        catch (Exception e)
        {
            RulesUnwatched(_table, e);
        }
    }

    private void WarnOfOthers(NftSocket socket)
    {
        // An accept of ours cannot overrule another chain's drop.
        foreach (DroppingChain chain in socket.DroppingForwards())
            ForwardingDropped(chain.Table, chain.Chain, bridge);
    }

    [LoggerMessage(LogLevel.Warning, "FirewallRulesRestored table={Table}: another program had taken them away")]
    private partial void RulesRestored(string table);

    [LoggerMessage(LogLevel.Error, "FirewallRulesUnwatched table={Table}: they come back with the next pod that has host ports, or at the next start")]
    private partial void RulesUnwatched(string table, Exception cause);

    [LoggerMessage(LogLevel.Warning, "ForwardingDropped table={Table} chain={Chain}: its policy drops what pods send through the node unless it has rules that accept interface {Bridge}")]
    private partial void ForwardingDropped(string table, string chain, string bridge);
}
