using System.Net.Sockets;
using System.Text;
using NativeKubelet.Linux.Systemd;

namespace NativeKubelet.Tests.Unit.Linux.Systemd;

public sealed class ServiceManagerTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("nk-notify-").FullName;

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void One_datagram_carries_all_lines_to_a_path_or_an_abstract_name(bool isAbstract)
    {
        string address = isAbstract ? $"@nk-test-{Guid.NewGuid():N}" : Path.Combine(_directory, "notify");
        using Socket listener = new(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified) { ReceiveTimeout = 10_000 };
        listener.Bind(new UnixDomainSocketEndPoint(isAbstract ? "\0" + address[1..] : address));

        Assert.True(new ServiceManager(address).TryTell(ServiceManager.Ready, "MAINPID=7"));

        byte[] buffer = new byte[256];
        Assert.Equal("READY=1\nMAINPID=7", Encoding.UTF8.GetString(buffer, 0, listener.Receive(buffer)));
    }

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("vsock:2:1234")]
    [InlineData("relative")]
    public void Where_nobody_can_listen_nothing_is_told(string? address)
    {
        ServiceManager manager = new(address);

        Assert.False(manager.Listens);
        Assert.False(manager.TryTell(ServiceManager.Ready));
    }

    [Fact]
    public void A_listener_that_went_away_is_no_fault() => Assert.False(new ServiceManager(Path.Combine(_directory, "gone")).TryTell(ServiceManager.Ready));

    [Fact]
    public void An_address_that_is_too_long_is_no_fault() => Assert.False(new ServiceManager("/" + new string('x', 300)).TryTell(ServiceManager.Ready));
}
