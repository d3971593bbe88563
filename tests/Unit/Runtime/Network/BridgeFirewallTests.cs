using System.Collections.Immutable;
using Microsoft.Extensions.Logging.Abstractions;
using NativeKubelet.Core.Network;
using NativeKubelet.Linux.Libc;
using NativeKubelet.Runtime.Network;

namespace NativeKubelet.Tests.Unit.Runtime.Network;

public sealed class BridgeFirewallTests
{
    [Fact]
    public void Where_nf_tables_cannot_be_used_iptables_is_and_stays()
    {
        Tables nft = new(new ErrnoException("commit", "table", Errno.EOPNOTSUPP)), iptables = new(null);
        using BridgeFirewall firewall = new(nft, iptables, "nk0", TimeProvider.System, NullLogger.Instance);

        firewall.Replace([], []);
        firewall.Replace([], []);
        firewall.Remove();

        Assert.Equal(["write", "remove"], nft.Calls);       // what half of it came to be is taken back
        Assert.Equal(["write", "write", "remove"], iptables.Calls);
    }

    [Fact]
    public void Where_neither_can_be_used_both_causes_are_told_and_both_are_tried_again()
    {
        Tables nft = new(new ErrnoException("commit", "table", Errno.EOPNOTSUPP)), iptables = new(new IOException("iptables-restore is not installed"));
        using BridgeFirewall firewall = new(nft, iptables, "nk0", TimeProvider.System, NullLogger.Instance);

        IOException e = Assert.Throws<IOException>(() => firewall.Replace([], []));
        Assert.Throws<IOException>(() => firewall.Replace([], []));

        Assert.Contains("commit table", e.Message, StringComparison.Ordinal);
        Assert.EndsWith("and by iptables: iptables-restore is not installed", e.Message, StringComparison.Ordinal);
        Assert.Equal(2, iptables.Calls.Count);
    }

    [Fact]
    public void What_once_worked_is_not_left_for_a_failure_later()
    {
        Tables nft = new(null), iptables = new(null);
        using BridgeFirewall firewall = new(nft, iptables, "nk0", TimeProvider.System, NullLogger.Instance);
        firewall.Replace([], []);

        nft.Failure = new ErrnoException("commit", "table", 12);

        Assert.Throws<ErrnoException>(() => firewall.Replace([], []));
        Assert.Empty(iptables.Calls);
    }

    private sealed class Tables(IOException? failure) : IBridgeTables
    {
        public List<string> Calls { get; } = [];

        public IOException? Failure { get; set; } = failure;

        public void Write(ImmutableArray<Subnet> subnets, ImmutableArray<PortForward> forwards)
        {
            Calls.Add("write");
            if (Failure is { } e) throw e;
        }

        public void Remove() => Calls.Add("remove");

        public Task LossAsync(CancellationToken cancel) => Task.Delay(Timeout.Infinite, cancel);

        public void Dispose()
        {
        }
    }
}
