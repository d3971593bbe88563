using System.IO.Compression;
using System.Text;
using Microsoft.AspNetCore.Http;
using NativeKubelet.Core.Logs;
using NativeKubelet.Core.Server;
using NativeKubelet.Linux.Libc;
using NativeKubelet.Linux.Processes;

namespace NativeKubelet.Server.Endpoints;

/// <summary>
/// /logs/?query=…: what the machine's services wrote, from the journal or from the files that they log to. A few may ask at a time: a
/// journal is large, and asking it is not for free.
/// </summary>
/// <param name="journal">journalctl; null: this machine has none, and every service logs to a file.</param>
internal sealed class NodeLogRoute(HostLogRoute files, string? journal)
{
    private const int AtOnce = 4, MostUnits = 4 << 20;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private int _underWay;

    /// <param name="path">Below /logs/.</param>
    public async Task ServeAsync(HttpContext context, string path)
    {
        if (NodeLogQuery.Parse(name => [.. context.Request.Query[name].Select(v => v ?? "")], path) is not { } query)
        {
            await files.ServeAsync(context, path);
            return;
        }
        if (query.File is { } file)
        {
            if (!files.Has(file)) throw new RefusedException(406, $"query: Invalid value: \"{file}\": there is no such file\n");
            await files.ServeAsync(context, file);
            return;
        }
        try
        {
            if (Interlocked.Increment(ref _underWay) > AtOnce) throw new RefusedException(503, $"{AtOnce} queries of this node's services are under way; ask again\n");
            await CopyAsync(context, query);
        }
        finally
        {
            Interlocked.Decrement(ref _underWay);
        }
    }

    private async Task CopyAsync(HttpContext context, NodeLogQuery query)
    {
        CancellationToken cancel = context.RequestAborted;
        string[] toFiles = await WithoutJournalAsync(query, cancel);
        context.Begin("text/plain;charset=UTF-8");
        bool zip = context.Request.Headers.AcceptEncoding == "gzip";
        if (zip) context.Response.Headers.ContentEncoding = "gzip";
        if (HttpMethods.IsHead(context.Request.Method)) return;
        await using GZipStream? zipped = zip ? new(context.Response.Body, CompressionLevel.Fastest, leaveOpen: true) : null;
        Stream to = zipped ?? context.Response.Body;
        if (toFiles.Length == 0) await JournalAsync(query, to, cancel);
        else if (query.HasOptions) await SayAsync(to, $"\noptions present and query resolved to log files for [{string.Join(' ', toFiles)}]\ntry without specifying options\n", cancel);
        else foreach (string service in toFiles) await FileOfAsync(service, to, cancel);
    }

    private async Task JournalAsync(NodeLogQuery query, Stream to, CancellationToken cancel)
    {
        try
        {
            await ToolStream.RunAsync(Asking(query.JournalArguments()), bytes => to.WriteAsync(bytes, cancel).AsTask(), Patience, cancel);
        }
        catch (ErrnoException)
        {
            await SayAsync(to, "\nerror: journal output not available\n", cancel);
        }
    }

    /// <returns>Services of which the journal knows nothing.</returns>
    private async Task<string[]> WithoutJournalAsync(NodeLogQuery query, CancellationToken cancel)
    {
        if (journal is null) return [.. query.Services];
        try
        {
            ToolResult units = await ToolRun.RunAsync(Asking(["--field", "_SYSTEMD_UNIT"]), ReadOnlyMemory<byte>.Empty, MostUnits, Patience, cancel);
            HashSet<string> known = [.. Encoding.UTF8.GetString(units.Output).Split('\n')];
            return units.Exit.Success ? [.. query.Services.Where(s => !known.Contains(s) && !known.Contains(s + ".service"))] : [.. query.Services];
        }
        catch (ErrnoException)
        {
            return [.. query.Services];
        }
    }

    /// <summary>Where programs without a journal log to, by their name.</summary>
    private async Task FileOfAsync(string service, Stream to, CancellationToken cancel)
    {
        foreach (string name in (string[])[service, $"{service}.log", $"{service}/{service}.log"])
            if (await files.TryCopyAsync(name, to, cancel)) return;
        await SayAsync(to, $"\nlog not found for {service}\n", cancel);
    }

    private SpawnRequest Asking(IEnumerable<string> arguments) => new(journal!, ["journalctl", .. arguments]) { Environment = ["PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C.UTF-8"] };

    private static Task SayAsync(Stream to, string text, CancellationToken cancel) => to.WriteAsync(Encoding.UTF8.GetBytes(text), cancel).AsTask();
}
