using System.Collections.Immutable;
using System.Net.Sockets;
using NativeKubelet.Linux.Libc;

namespace NativeKubelet.Linux.Netlink;

/// <summary>A base chain of another program that throws away what no rule of its own accepted.</summary>
public sealed record DroppingChain(AddressFamily? Family, string Table, string Chain);

/// <summary>nf_tables of the network namespace in which it was opened (nft(8), without the program).</summary>
public sealed class NftSocket : IDisposable
{
    private const uint ChangesGroup = 1 << 6;                       // NFNLGRP_NFTABLES, the seventh
    private const byte InternetFamily = 1;                          // NFPROTO_INET: both

    private readonly NetlinkSocket _socket;

    private NftSocket(NetlinkSocket socket) => _socket = socket;

    /// <exception cref="ErrnoException">EPROTONOSUPPORT: no netfilter in this kernel.</exception>
    public static NftSocket Open() => new(NetlinkSocket.Open(NetlinkProtocol.Netfilter));

    /// <summary>Does all of it or nothing.</summary>
    /// <exception cref="ErrnoException">EOPNOTSUPP: no nf_tables. ENOENT: a kind of chain or expression is not in this kernel.</exception>
    public void Commit(string table, AddressFamily family, Action<NftBatch> write) => _socket.Batch((writer, first) =>
    {
        NftBatch batch = new(writer, first, table, family);
        write(batch);
        return batch.Finish();
    }, $"nf_tables table {table}");

    public bool HasTable(string table, AddressFamily family)
    {
        try
        {
            bool found = false;
            _socket.Request((w, n) => w.Message(Nft.Subsystem << 8 | Nft.GetTable, NetlinkFlags.Request | NetlinkFlags.Acknowledge, n)
                .Fixed(NftBatch.Envelope(FamilyNumber(family), 0)).Text(Nft.TableName, table), $"nf_tables table {table}", _ => found = true);
            return found;
        }
        catch (ErrnoException e) when (e.Errno == Errno.ENOENT)
        {
            return false;
        }
    }

    /// <summary>Chains on the way of forwarded packets whose policy is to drop: no accept of ours can overrule them.</summary>
    public ImmutableArray<DroppingChain> DroppingForwards()
    {
        ImmutableArray<DroppingChain>.Builder found = ImmutableArray.CreateBuilder<DroppingChain>();
        _socket.Dump((w, n) => w.Message(Nft.Subsystem << 8 | Nft.GetChain, NetlinkFlags.Request | NetlinkFlags.Dump, n).Fixed(NftBatch.Envelope(0, 0)),
            "nf_tables chains", found.Clear, message =>
            {
                if (ParseDropping(message) is { } chain) found.Add(chain);
            });
        return found.ToImmutable();
    }

    /// <returns>Null when the message tells of no such chain.</returns>
    public static DroppingChain? ParseDropping(NetlinkMessage message)
    {
        if (message.Type != (Nft.Subsystem << 8 | Nft.NewChain) || message.Body.IsEmpty) return null;
        string table = "", chain = "";
        uint policy = Nft.Accept, hook = uint.MaxValue;
        foreach (NetlinkAttribute attribute in message.Attributes(Nft.Header))
            switch (attribute.Type)
            {
                case Nft.ChainTable: table = attribute.Text; break;
                case Nft.ChainName: chain = attribute.Text; break;
                case Nft.ChainPolicy: policy = attribute.NetworkNumber; break;
                case Nft.ChainHook:
                    foreach (NetlinkAttribute inner in attribute.Inside)
                        if (inner.Type == Nft.HookNumber) hook = inner.NetworkNumber;
                    break;
            }
        AddressFamily? family = message.Body[0] switch
        {
            RouteMessage.InterNetwork => AddressFamily.InterNetwork,
            RouteMessage.InterNetwork6 => AddressFamily.InterNetworkV6,
            InternetFamily => null,
            _ => AddressFamily.Unspecified,     // a bridge's or device's own hooks: not on this way
        };
        return policy == Nft.Drop && hook == (uint)NftHook.Forward && family != AddressFamily.Unspecified ? new(family, table, chain) : null;
    }

    /// <summary>Opens an ear for changes that anybody makes; see <see cref="NftChanges"/>.</summary>
    public NftChanges Listen(string table) => new(NetlinkSocket.Open(NetlinkProtocol.Netfilter, ChangesGroup), _socket.PortId, table);

    public void Dispose() => _socket.Dispose();

    private static byte FamilyNumber(AddressFamily family) => family == AddressFamily.InterNetworkV6 ? RouteMessage.InterNetwork6 : RouteMessage.InterNetwork;
}

/// <summary>Tells when another program took away something of one table: nft flush ruleset, a firewall's reload.</summary>
public sealed class NftChanges : IDisposable
{
    private const int TableAttribute = 1;       // of tables, chains, rules and sets alike
    private readonly NetlinkSocket _socket;
    private readonly uint _ownPort;
    private readonly string _table;

    internal NftChanges(NetlinkSocket socket, uint ownPort, string table) => (_socket, _ownPort, _table) = (socket, ownPort, table);

    /// <summary>Waits until something is missing, or may be.</summary>
    public async Task LossAsync(CancellationToken cancel)
    {
        bool lost = false;
        while (!lost)
        {
            bool complete = await _socket.ListenAsync(message => lost |= IsLoss(message, _ownPort, _table), cancel);
            lost |= !complete;
        }
    }

    public static bool IsLoss(NetlinkMessage message, uint ownPort, string table)
    {
        if (message.Port == ownPort || message.Type >> 8 != Nft.Subsystem) return false;
        // NFT_MSG_DELTABLE, DELCHAIN, DELRULE, DELSET, DELSETELEM
        if ((message.Type & 0xff) is not (2 or 5 or 8 or 11 or 14)) return false;
        foreach (NetlinkAttribute attribute in message.Attributes(Nft.Header))
            if (attribute.Type == TableAttribute) return attribute.Text == table;
        return false;
    }

    public void Dispose() => _socket.Dispose();
}
