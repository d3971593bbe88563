using System.Collections.Immutable;
using System.Text.Json;

namespace NativeKubelet.Runtime.Containers;

/// <summary>
/// The command lines of an OCI runtime that speaks runc's options (runc, crun). Errors are read from the log file, so that the
/// runtime's stderr never mixes with the container's.
/// </summary>
/// <param name="Path">Absolute path of the binary.</param>
/// <param name="Root">--root: the runtime's own state directory, on tmpfs.</param>
public sealed record RuncCommand(string Path, string Root, bool SystemdCgroup)
{
    public ImmutableArray<string> Run(string id, string bundle, string pidFile, string log, string? consoleSocket) =>
    [
        .. Global(log), "run", "--detach", "--bundle", bundle, "--pid-file", pidFile,
        .. consoleSocket is null ? Array.Empty<string>() : ["--console-socket", consoleSocket],
        id,
    ];

    public ImmutableArray<string> Exec(string id, string processFile, string pidFile, string log, string? consoleSocket) =>
    [
        .. Global(log), "exec", "--detach", "--process", processFile, "--pid-file", pidFile,
        .. consoleSocket is null ? Array.Empty<string>() : ["--console-socket", consoleSocket],
        id,
    ];

    public ImmutableArray<string> Delete(string id, string log) => [.. Global(log), "delete", "--force", id];

    private string[] Global(string log) =>
        [Path, "--root", Root, "--log", log, "--log-format", "json", .. SystemdCgroup ? new[] { "--systemd-cgroup" } : []];
}

/// <summary>Reads what the runtime said in its JSON log.</summary>
public static class RuncLog
{
    /// <summary>The last error's message, or the last line's where none is marked so; empty where nothing was said.</summary>
    public static string LastError(ReadOnlySpan<byte> log)
    {
        string error = "", last = "";
        foreach (Range range in log.Split((byte)'\n'))
        {
            ReadOnlySpan<byte> line = log[range];
            if (line.IsEmpty) continue;
            try
            {
                Utf8JsonReader reader = new(line);
                using JsonDocument entry = JsonDocument.ParseValue(ref reader);
                string message = entry.RootElement.TryGetProperty("msg", out JsonElement m) ? m.GetString() ?? "" : "";
                if (message.Length == 0) continue;
                last = message;
                if (entry.RootElement.TryGetProperty("level", out JsonElement level) && level.ValueEquals("error")) error = message;
            }
            catch (Exception e) when (e is JsonException or InvalidOperationException)
            {
                // A line cut short by a full disk or a killed runtime: what stands around it still counts.
            }
        }
        return error.Length > 0 ? error : last;
    }
}
