using System.Net.Sockets;
using System.Text;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using NativeKubelet.Composition;
using NativeKubelet.Linux.Systemd;
using NativeKubelet.Server;

namespace NativeKubelet.Tests.Unit.App.Composition;

public sealed class SystemdWatchTests : IDisposable
{
    private static readonly TimeSpan Period = TimeSpan.FromSeconds(30);

    private readonly string _directory = Directory.CreateTempSubdirectory("nk-watch-").FullName;
    private readonly Socket _listener = new(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified) { ReceiveTimeout = 60_000 };
    private readonly FakeTimeProvider _time = new();
    private readonly SystemdWatch _watch;

    public SystemdWatchTests()
    {
        string address = Path.Combine(_directory, "notify");
        _listener.Bind(new UnixDomainSocketEndPoint(address));
        _watch = new(new ServiceManager(address), Period, _time, NullLogger.Instance);
    }

    public void Dispose()
    {
        _listener.Dispose();
        Directory.Delete(_directory, recursive: true);
    }

    [Fact]
    public void Ready_names_the_process_that_systemd_shall_watch()
    {
        _watch.Ready();
        _watch.Stopping();

        Assert.Equal($"READY=1\nMAINPID={Environment.ProcessId}", Next());
        Assert.Equal("STOPPING=1", Next());
    }

    [Fact]
    public async Task Two_signs_of_life_are_given_in_each_period_and_none_while_a_check_fails()
    {
        string? fault = null;
        using SemaphoreSlim asked = new(0);
        using CancellationTokenSource stop = new();
        Task run = _watch.RunAsync(
            [HealthCheck.Ping, new("syncloop", () =>
            {
                asked.Release();
                return Volatile.Read(ref fault);
            })], stop.Token);
        await asked.WaitAsync(Deadline);
        Assert.Equal("WATCHDOG=1", Next());

        Volatile.Write(ref fault, "stuck");
        for (int i = 0; i < 3; i++)
        {
            _time.Advance(Period / 2);
            await asked.WaitAsync(Deadline);
        }
        Volatile.Write(ref fault, null);
        _time.Advance(Period / 2);
        await asked.WaitAsync(Deadline);

        // The one for the present; had those for the past been sent, they would come first.
        Assert.Equal("WATCHDOG=1", Next());
        Assert.Equal(0, _listener.Available);
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => run);
    }

    private static CancellationToken Deadline => new CancellationTokenSource(TimeSpan.FromSeconds(60)).Token;

    private string Next()
    {
        byte[] buffer = new byte[256];
        return Encoding.UTF8.GetString(buffer, 0, _listener.Receive(buffer));
    }
}
