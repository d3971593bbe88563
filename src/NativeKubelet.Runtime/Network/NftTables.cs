using System.Collections.Immutable;
using System.Net.Sockets;
using Microsoft.Extensions.Logging;
using NativeKubelet.Core.Network;
using NativeKubelet.Linux.Libc;
using NativeKubelet.Linux.Netlink;

namespace NativeKubelet.Runtime.Network;

/// <summary>By nf_tables: one table for each family, replaced whole in one transaction; losses are heard of, not looked for.</summary>
internal sealed partial class NftTables(string bridge, NodeNamespace node, ILogger log) : IBridgeTables
{
    private const int ProtocolNotSupported = 93;
    private static readonly AddressFamily[] Families = [AddressFamily.InterNetwork, AddressFamily.InterNetworkV6];

    private readonly string _table = TableOf(bridge);
    private readonly ILogger _log = log;
    private NftSocket? _socket;
    private NftChanges? _changes;

    public static string TableOf(string bridge) => "nativekubelet_" + bridge;

    public void Write(ImmutableArray<Subnet> subnets, ImmutableArray<PortForward> forwards)
    {
        NftSocket socket = _socket ??= node.Run(NftSocket.Open);
        foreach (AddressFamily family in Families)
            if (subnets.Any(s => s.Family == family))
                socket.Commit(_table, family, batch => BridgeRules.Write(batch, family, bridge, subnets, [], forwards));
        if (_changes is not null) return;
        _changes = node.Run(() => socket.Listen(_table));
        // An accept of ours cannot overrule another chain's drop.
        foreach (DroppingChain chain in socket.DroppingForwards()) ForwardingDropped(chain.Table, chain.Chain, bridge);
    }

    public void Remove()
    {
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

    public Task LossAsync(CancellationToken cancel) => _changes is { } changes ? changes.LossAsync(cancel) : Task.Delay(Timeout.Infinite, cancel);

    public void Dispose()
    {
        _changes?.Dispose();
        _socket?.Dispose();
    }

    [LoggerMessage(LogLevel.Warning, "ForwardingDropped table={Table} chain={Chain}: its policy drops what pods send through the node unless it has rules that accept interface {Bridge}")]
    private partial void ForwardingDropped(string table, string chain, string bridge);
}
