using System.Net;
using NativeKubelet.Linux.Netlink;

namespace NativeKubelet.Tests.Unit.Linux.Netlink;

public sealed class NetlinkMessageTests
{
    private const ushort NewLink = 16, NewAddress = 20, NewRoute = 24;

    [Fact]
    public void What_is_written_is_read_back()
    {
        NetlinkWriter writer = new();
        writer.Message(NewLink, NetlinkFlags.Request | NetlinkFlags.Acknowledge, 7).Fixed(0x11223344u).Text(3, "nk0");
        using (writer.Inside(18)) writer.Text(1, "bridge");
        writer.Message(20, NetlinkFlags.Request, 8);
        writer.End();

        NetlinkMessages messages = new(writer.Written);
        Assert.True(messages.MoveNext());
        Assert.Equal((NewLink, 7u), (messages.Current.Type, messages.Current.Sequence));
        NetlinkAttributes attributes = messages.Current.Attributes(4);
        Assert.True(attributes.MoveNext());
        Assert.Equal("nk0", attributes.Current.Text);
        Assert.True(attributes.MoveNext());
        NetlinkAttributes inner = attributes.Current.Inside;
        Assert.True(inner.MoveNext());
        Assert.Equal("bridge", inner.Current.Text);
        Assert.False(attributes.MoveNext());
        Assert.True(messages.MoveNext());
        Assert.Equal(8u, messages.Current.Sequence);
        Assert.False(messages.MoveNext());
    }

    [Fact]
    public void A_links_name_kind_and_master_are_found()
    {
        NetlinkWriter writer = new();
        writer.Message(NewLink, NetlinkFlags.None, 1).Fixed(0u).Fixed(42).Fixed(1u).Fixed(0u).Text(3, "veth1").Number(4, 1400).Number(10, 7);
        using (writer.Inside(18)) writer.Text(1, "veth");
        writer.End();

        Assert.Equal(new NetworkLink(42, "veth1", "veth", 1400, 7, Up: true), NetworkLink.Parse(First(writer)));
    }

    [Fact]
    public void A_tentative_address_is_not_settled()
    {
        NetlinkWriter writer = new();
        // family 10, prefix 64, flags, scope 0; interface 3; IFA_FLAGS says more than the header's byte
        writer.Message(NewAddress, NetlinkFlags.None, 1).Fixed(0x0000400Au).Fixed(3).Address(1, IPAddress.Parse("fd00::2")).Number(8, 0x40);
        writer.End();

        Assert.Equal(new InterfaceAddress(3, IPAddress.Parse("fd00::2"), 64, Global: true, Settled: false), InterfaceAddress.Parse(First(writer)));
    }

    [Fact]
    public void A_tracked_flow_tells_who_was_asked_and_who_answers()
    {
        const ushort newFlow = 0x100, original = 1, reply = 2, addresses = 1, ports = 2, identity = 12;
        NetlinkWriter writer = new();
        writer.Message(newFlow, NetlinkFlags.None, 1).Fixed(2u);
        using (writer.Inside(original))
        {
            using (writer.Inside(addresses)) writer.Address(1, IPAddress.Parse("192.0.2.9")).Address(2, IPAddress.Parse("192.0.2.1"));
            using (writer.Inside(ports)) writer.Byte(1, 17).Attribute(2, [0x9c, 0x40]).Attribute(3, [0, 53]);
        }
        using (writer.Inside(reply))
        using (writer.Inside(addresses)) writer.Address(1, IPAddress.Parse("10.0.0.2")).Address(2, IPAddress.Parse("192.0.2.9"));
        writer.NetworkNumber(identity, 7);
        writer.End();

        TrackedFlow flow = TrackedFlow.Parse(First(writer))!;

        Assert.Equal((17, "192.0.2.1", 53, "10.0.0.2"), (flow.Protocol, flow.Destination.ToString(), flow.DestinationPort, flow.Answerer.ToString()));
        Assert.Equal([0, 0, 0, 7], flow.Id);
    }

    [Fact]
    public void A_default_route_has_no_destination()
    {
        NetlinkWriter writer = new();
        writer.Message(NewRoute, NetlinkFlags.None, 1).Fixed(0x00000002u).Fixed(0x010003FEu).Fixed(0u).Address(5, IPAddress.Parse("192.0.2.1")).Number(4, 4);
        writer.End();

        NetworkRoute route = Assert.IsType<NetworkRoute>(NetworkRoute.Parse(First(writer)));
        Assert.True(route.IsDefault);
        Assert.Equal((IPAddress.Parse("192.0.2.1"), 4, 254u), (route.Gateway, route.Interface, route.Table));
    }

    [Fact]
    public void The_kernels_own_words_are_found_behind_the_repeated_request()
    {
        NetlinkWriter request = new();
        request.Message(NewLink, NetlinkFlags.Request, 5).Fixed(0u).Fixed(0u).Fixed(0u).Fixed(0u).Text(3, "x");
        request.End();
        NetlinkWriter writer = new();
        writer.Message(NetlinkMessage.Error, (NetlinkFlags)0x200, 5).Fixed(-22);
        foreach (byte[] word in request.Written.ToArray().Chunk(4)) writer.Fixed(BitConverter.ToUInt32(word));
        writer.Text(1, "Invalid name");
        writer.End();

        Assert.Equal((22, "Invalid name"), (First(writer).Errno, First(writer).Explanation));
    }

    [Fact]
    public void Attributes_that_do_not_fit_their_length_are_refused()
    {
        NetlinkWriter writer = new();
        writer.Message(1, NetlinkFlags.None, 1);

        Assert.Throws<ArgumentException>(() => writer.Attribute(1, new byte[65_532]));
        Assert.Throws<ArgumentException>(() =>
        {
            using (writer.Inside(2))
                for (int i = 0; i < 70; i++) writer.Attribute(1, new byte[1024]);
        });
    }

    [Fact]
    public void Hostile_bytes_end_the_reading_and_nothing_else()
    {
        Random random = new(20260712);
        byte[] seed = Seed();
        for (int round = 0; round < 20_000; round++)
        {
            byte[] bytes = seed[..random.Next(seed.Length + 1)];
            for (int flips = random.Next(6); flips > 0 && bytes.Length > 0; flips--) bytes[random.Next(bytes.Length)] = (byte)random.Next(256);
            foreach (NetlinkMessage message in new NetlinkMessages(bytes))
            {
                _ = message.Explanation;
                _ = message.Errno;
                _ = NetworkLink.Parse(message);
                _ = InterfaceAddress.Parse(message);
                _ = NetworkRoute.Parse(message);
                _ = TrackedFlow.Parse(message);
                _ = NftSocket.ParseDropping(message);
                _ = NftChanges.IsLoss(message, 1, "t");
            }
        }
    }

    private static byte[] Seed()
    {
        NetlinkWriter writer = new();
        writer.Message(NewLink, NetlinkFlags.None, 1).Fixed(0u).Fixed(42).Fixed(1u).Fixed(0u).Text(3, "veth1").Number(4, 1400);
        using (writer.Inside(18)) writer.Text(1, "veth");
        writer.Message(NewAddress, NetlinkFlags.None, 1).Fixed(0x0000400Au).Fixed(3).Address(1, IPAddress.Parse("fd00::2"));
        writer.Message(NewRoute, NetlinkFlags.None, 1).Fixed(0x00000002u).Fixed(0x010003FEu).Fixed(0u).Address(5, IPAddress.Parse("192.0.2.1")).Attribute(9, new byte[8]);
        writer.Message(NetlinkMessage.Error, (NetlinkFlags)0x300, 5).Fixed(-22).Fixed(16).Fixed(0u).Fixed(0u).Fixed(0u).Text(1, "words");
        writer.Message(10 << 8 | 3, NetlinkFlags.None, 1).Fixed(2u).Text(1, "filter").Text(3, "FORWARD");
        using (writer.Inside(4)) writer.NetworkNumber(1, 2);
        writer.Message(10 << 8 | 2, NetlinkFlags.None, 1).Fixed(2u).Text(1, "t");
        writer.End();
        return writer.Written.ToArray();
    }

    private static NetlinkMessage First(NetlinkWriter writer)
    {
        NetlinkMessages messages = new(writer.Written);
        Assert.True(messages.MoveNext());
        return messages.Current;
    }
}
