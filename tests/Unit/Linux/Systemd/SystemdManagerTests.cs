using System.Net.Sockets;
using System.Text;
using Microsoft.Extensions.Time.Testing;
using NativeKubelet.Linux.Systemd;

namespace NativeKubelet.Tests.Unit.Linux.Systemd;

/// <summary>The client against a process 1 made of answers: what the real one does is seen in the guest.</summary>
public sealed class SystemdManagerTests : IDisposable
{
    private const string Job = "/org/freedesktop/systemd1/job/1";
    private readonly string _directory = Directory.CreateTempSubdirectory("nk-dbus-").FullName;
    private readonly FakeTimeProvider _time = new();

    private string Socket => Path.Combine(_directory, "private");

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Fact]
    public async Task A_start_ends_with_its_own_job()
    {
        using Answers systemd = new(Socket, [Return("o", w => w.String(Job)), Removed("/other", "failed"), Removed(Job, "done")]);

        Assert.True(await new SystemdManager(_time, Socket).TryStartTransientAsync("a.slice", [UnitProperty.Number("CPUWeight", 39)], Cancel));

        DBusMessage call = await systemd.Called;
        Assert.Equal(("StartTransientUnit", "ssa(sv)a(sa(sv))"), (call.Member, call.Signature));
        DBusReader body = call.Read();
        Assert.Equal(("a.slice", "replace"), (body.String(), body.String()));
    }

    [Fact]
    public async Task A_job_that_failed_is_told_with_its_unit()
    {
        using Answers systemd = new(Socket, [Return("o", w => w.String(Job)), Removed(Job, "timeout")]);

        SystemdException e = await Assert.ThrowsAsync<SystemdException>(() => new SystemdManager(_time, Socket).StopAsync("a.scope", Cancel));

        Assert.Equal("a.scope", e.Unit);
        Assert.Contains("systemd: stopping a.scope: its job ended as \"timeout\"", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_unit_that_is_there_or_not_there_is_no_error()
    {
        using (Answers there = new(Socket, [Error("org.freedesktop.systemd1.UnitExists")]))
            Assert.False(await new SystemdManager(_time, Socket).TryStartTransientAsync("a.slice", [], Cancel));
        File.Delete(Socket);
        using (Answers gone = new(Socket, [Error("org.freedesktop.systemd1.NoSuchUnit")]))
            await new SystemdManager(_time, Socket).StopAsync("a.scope", Cancel);
    }

    [Fact]
    public async Task A_refusal_is_told_in_systemds_words()
    {
        using Answers systemd = new(Socket, [Error("org.freedesktop.DBus.Error.PropertyReadOnly", "Cannot set property X")]);

        SystemdException e = await Assert.ThrowsAsync<SystemdException>(() => new SystemdManager(_time, Socket).SetPropertiesAsync("a.slice", [], Cancel));

        Assert.Equal("systemd: changing a.slice: Cannot set property X", e.Message);
        Assert.Equal("org.freedesktop.DBus.Error.PropertyReadOnly", e.Error);
    }

    [Fact]
    public async Task Without_systemd_the_next_step_is_told()
    {
        SystemdException e = await Assert.ThrowsAsync<SystemdException>(() => new SystemdManager(_time, Socket).VersionAsync(Cancel));

        Assert.Contains("set cgroupDriver to cgroupfs", e.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("252.39-1~deb12u1", 252)]
    [InlineData("256", 256)]
    [InlineData("v259~rc1", 0)]
    public async Task The_release_is_the_number_at_the_front(string text, int version)
    {
        using Answers systemd = new(Socket, [Return("v", w =>
        {
            w.Signature("s");
            w.String(text);
        })]);

        Assert.Equal(version, await new SystemdManager(_time, Socket).VersionAsync(Cancel));
    }

    [Fact]
    public async Task A_silent_systemd_is_given_up_after_half_a_minute()
    {
        using Answers systemd = new(Socket, []);
        Task stop = new SystemdManager(_time, Socket).StopAsync("a.scope", Cancel);
        await systemd.Called;

        _time.Advance(TimeSpan.FromSeconds(31));

        SystemdException e = await Assert.ThrowsAsync<SystemdException>(() => stop);
        Assert.Contains("no answer within 30 s", e.Message, StringComparison.Ordinal);
    }

    private static DBusMessage Return(string signature, Action<DBusWriter> body) => Message(DBusKind.Return, "", signature, body);

    private static DBusMessage Error(string name, string words = "") => Message(DBusKind.Error, "", "s", w => w.String(words)) with { ErrorName = name };

    private static DBusMessage Removed(string job, string result) => Message(DBusKind.Signal, "JobRemoved", "uoss", w =>
    {
        w.UInt32(1);
        w.String(job);
        w.String("a.slice");
        w.String(result);
    });

    private static DBusMessage Message(DBusKind kind, string member, string signature, Action<DBusWriter> body)
    {
        DBusWriter writer = new();
        body(writer);
        return new(kind, 1, kind == DBusKind.Signal ? "/org/freedesktop/systemd1" : "", kind == DBusKind.Signal ? "org.freedesktop.systemd1.Manager" : "", member, signature, writer.Written.ToArray());
    }

    /// <summary>Lets one caller in, reads one call, and says what it was told to; then it keeps silent.</summary>
    private sealed class Answers : IDisposable
    {
        private readonly Socket _listener = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);

        public Answers(string path, DBusMessage[] messages)
        {
            _listener.Bind(new UnixDomainSocketEndPoint(path));
            _listener.Listen();
            Called = ServeAsync(messages);
        }

        public Task<DBusMessage> Called { get; }

        public void Dispose() => _listener.Dispose();

        private async Task<DBusMessage> ServeAsync(DBusMessage[] messages)
        {
            Socket client = await _listener.AcceptAsync(Cancel);
            NetworkStream stream = new(client, ownsSocket: true);
            Assert.Equal("\0AUTH EXTERNAL 30", await LineAsync(stream));
            Assert.Equal("BEGIN", await LineAsync(stream));
            await stream.WriteAsync("OK 00112233445566778899aabbccddeeff\r\n"u8.ToArray(), Cancel);
            byte[] bytes = new byte[DBusMessage.FixedHeader];
            await stream.ReadExactlyAsync(bytes, Cancel);
            Array.Resize(ref bytes, DBusMessage.LengthOf(bytes));
            await stream.ReadExactlyAsync(bytes.AsMemory(DBusMessage.FixedHeader), Cancel);
            DBusMessage call = DBusMessage.Parse(bytes);
            foreach (DBusMessage message in messages)
                await stream.WriteAsync((message.Kind == DBusKind.Signal ? message : message with { ReplyTo = call.Serial }).ToBytes(), Cancel);
            return call;
        }

        private static async Task<string> LineAsync(NetworkStream stream)
        {
            StringBuilder line = new();
            byte[] one = new byte[1];
            while (true)
            {
                await stream.ReadExactlyAsync(one, Cancel);
                if (one[0] == '\n') return line.ToString().TrimEnd('\r');
                line.Append((char)one[0]);
            }
        }
    }
}
