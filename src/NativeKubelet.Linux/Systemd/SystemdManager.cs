using System.Collections.Immutable;
using System.Globalization;
using System.Threading.Channels;

namespace NativeKubelet.Linux.Systemd;

/// <summary>
/// Asks process 1 to make, change and end units, over its own socket: no bus daemon is needed, and only root is let in. Each
/// request has a connection of its own, because an open one is sent every signal of the machine, for which an idle agent would
/// wake up. Safe for any number of threads.
/// </summary>
public sealed class SystemdManager(TimeProvider time, string socket = SystemdManager.Socket)
{
    public const string Socket = "/run/systemd/private";

    private const string Name = "org.freedesktop.systemd1", Path = "/org/freedesktop/systemd1", Interface = "org.freedesktop.systemd1.Manager";
    private const string NoSuchUnit = Name + ".NoSuchUnit", UnitExists = Name + ".UnitExists";

    /// <summary>A request that is about a job includes the job's end.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30), BetweenTries = TimeSpan.FromMilliseconds(100);

    /// <summary>Every open connection is told of every unit: many at once would keep process 1 busy with telling.</summary>
    private readonly Channel<bool> _turns = Channel.CreateBounded<bool>(4);

    /// <summary>Whether systemd is this machine's process 1 (sd_booted(3)) and would be reached.</summary>
    public static bool Runs => Directory.Exists("/run/systemd/system") && File.Exists(Socket);

    /// <returns>The release, such as 252; 0 where it does not say it as a number.</returns>
    /// <exception cref="SystemdException">It cannot be reached.</exception>
    public async Task<int> VersionAsync(CancellationToken cancel)
    {
        DBusWriter body = new();
        body.String(Interface);
        body.String("Version");
        DBusMessage answer = await AskAsync("asking for its version", "", "Get", "ss", body, awaitJob: false, cancel, "org.freedesktop.DBus.Properties");
        DBusReader reader = answer.Read();
        string text = reader.Signature() == "s" ? reader.String() : "";
        return int.TryParse(text.AsSpan(0, text.AsSpan().IndexOfAnyExceptInRange('0', '9') is var end and >= 0 ? end : text.Length), NumberStyles.None, CultureInfo.InvariantCulture, out int version) ? version : 0;
    }

    /// <summary>Makes and starts a unit that lasts until it is stopped or the machine is, and waits until it has started.</summary>
    /// <returns>False when there is such a unit already; it is left as it is.</returns>
    public async Task<bool> TryStartTransientAsync(string unit, ImmutableArray<UnitProperty> properties, CancellationToken cancel)
    {
        DBusWriter body = new();
        body.String(unit);
        body.String("replace");
        Write(body, properties);
        body.Array(8, _ => { });        // no further units
        try
        {
            await AskAsync("starting", unit, "StartTransientUnit", "ssa(sv)a(sa(sv))", body, awaitJob: true, cancel);
            return true;
        }
        catch (SystemdException e) when (e.Error == UnitExists)
        {
            return false;
        }
    }

    /// <summary>Ends a unit and everything that lives in it, and waits until that is done. One that is not there is no error.</summary>
    public async Task StopAsync(string unit, CancellationToken cancel)
    {
        DBusWriter body = new();
        body.String(unit);
        body.String("replace");
        try
        {
            await AskAsync("stopping", unit, "StopUnit", "ss", body, awaitJob: true, cancel);
        }
        catch (SystemdException e) when (e.Error == NoSuchUnit)
        {
        }
    }

    /// <summary>Changes a unit until the next boot.</summary>
    public async Task SetPropertiesAsync(string unit, ImmutableArray<UnitProperty> properties, CancellationToken cancel)
    {
        DBusWriter body = new();
        body.String(unit);
        body.Boolean(true);
        Write(body, properties);
        await AskAsync("changing", unit, "SetUnitProperties", "sba(sv)", body, awaitJob: false, cancel);
    }

    /// <summary>Forgets that a unit failed, so that its name is free again. One that is not there is no error.</summary>
    public async Task ResetFailedAsync(string unit, CancellationToken cancel)
    {
        DBusWriter body = new();
        body.String(unit);
        try
        {
            await AskAsync("resetting", unit, "ResetFailedUnit", "s", body, awaitJob: false, cancel);
        }
        catch (SystemdException e) when (e.Error == NoSuchUnit)
        {
        }
    }

    private static void Write(DBusWriter body, ImmutableArray<UnitProperty> properties) => body.Array(8, elements =>
    {
        foreach (UnitProperty property in properties) property.WriteTo(elements);
    });

    private async Task<DBusMessage> AskAsync(
        string action, string unit, string member, string signature, DBusWriter body, bool awaitJob, CancellationToken cancel, string? to = null)
    {
        DBusMessage call = new(DBusKind.Call, 0, Path, to ?? Interface, member, signature, body.Written.ToArray()) { Destination = Name };
        using CancellationTokenSource patience = new(Patience, time);
        using CancellationTokenSource either = CancellationTokenSource.CreateLinkedTokenSource(cancel, patience.Token);
        try
        {
            await _turns.Writer.WriteAsync(true, either.Token);
            try
            {
                return await TryAsync(action, unit, call, awaitJob, either.Token);
            }
            finally
            {
                _turns.Reader.TryRead(out _);
            }
        }
        catch (OperationCanceledException e) when (!cancel.IsCancellationRequested)
        {
            throw new SystemdException(action, unit, $"no answer within {Patience.TotalSeconds:F0} s; see \"systemctl list-jobs\"", inner: e);
        }
    }

    private async Task<DBusMessage> TryAsync(string action, string unit, DBusMessage call, bool awaitJob, CancellationToken cancel)
    {
        while (true)
        {
            try
            {
                using DBusConnection connection = await DBusConnection.OpenAsync(socket, cancel);
                DBusMessage answer = await connection.CallAsync(call, cancel);
                if (answer.Kind == DBusKind.Error)
                    throw new SystemdException(action, unit, answer.Signature.StartsWith('s') ? answer.Read().String() : answer.ErrorName, answer.ErrorName);
                if (awaitJob) await JobAsync(action, unit, connection, answer.Read().String(), cancel);
                return answer;
            }
            catch (IOException e) when (e is not SystemdException)
            {
                if (!File.Exists(socket)) throw new SystemdException(action, unit, $"{socket} is not there: systemd does not run this machine; set cgroupDriver to cgroupfs", inner: e);
                // A daemon-reexec closes the connection under way and opens the socket anew; every request here can be made twice.
                await Task.Delay(BetweenTries, time, cancel);
            }
            catch (InvalidDataException e)
            {
                throw new SystemdException(action, unit, e.Message, inner: e);
            }
        }
    }

    /// <summary>On this connection the job's end is told after the job's name, so it cannot be missed.</summary>
    private static async Task JobAsync(string action, string unit, DBusConnection connection, string job, CancellationToken cancel)
    {
        while (true)
        {
            DBusMessage told = await connection.NextAsync(cancel);
            if (told is not { Kind: DBusKind.Signal, Member: "JobRemoved", Signature: "uoss" }) continue;
            DBusReader reader = told.Read();
            reader.UInt32();
            if (reader.String() != job) continue;
            reader.String();
            string result = reader.String();
            if (result is "done" or "skipped") return;
            throw new SystemdException(action, unit, $"its job ended as \"{result}\"; see \"systemctl status {unit}\"");
        }
    }
}
