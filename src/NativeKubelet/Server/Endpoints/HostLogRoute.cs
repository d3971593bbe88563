using System.Buffers;
using System.Net;
using System.Text;
using Microsoft.AspNetCore.Http;
using NativeKubelet.Core.Server;
using NativeKubelet.Linux.Files;
using NativeKubelet.Linux.Libc;

namespace NativeKubelet.Server.Endpoints;

/// <summary>
/// /logs/: the machine's own logs, below one directory. The kernel walks the path and lets nothing lead out of it, be it a link or "..";
/// what is neither a file nor a directory is not shown.
/// </summary>
internal sealed class HostLogRoute(string root)
{
    private const int Chunk = 64 << 10;

    /// <param name="path">Below the directory; empty: the directory itself.</param>
    public async Task ServeAsync(HttpContext context, string path)
    {
        using DirectoryHandle top = Top();
        using FileDescriptor file = Open(top, path);
        switch (DirectoryHandle.StatusOf(file, path).Kind)
        {
            case FileKind.Regular:
                context.Begin("text/plain; charset=utf-8");
                if (!HttpMethods.IsHead(context.Request.Method)) await CopyAsync(file, path, context.Response.Body, context.RequestAborted);
                return;
            case FileKind.Directory when context.Request.Path.Value!.EndsWith('/'):
                await context.BytesAsync(200, Encoding.UTF8.GetBytes(Index(top, path)), "text/html; charset=utf-8");
                return;
            case FileKind.Directory:
                // So that the names of the index lead below it.
                context.Response.Headers.Location = context.Request.Path.Value!.Split('/')[^1] + "/";
                await context.TextAsync(301, "");
                return;
            default:
                throw new RefusedException(403, $"{path} is no file\n");
        }
    }

    public bool Has(string path)
    {
        using DirectoryHandle top = Top();
        try
        {
            using FileDescriptor file = Open(top, path);
            return true;
        }
        catch (RefusedException)
        {
            return false;
        }
    }

    /// <returns>False: there is no such file, and nothing was written.</returns>
    public async Task<bool> TryCopyAsync(string path, Stream to, CancellationToken cancel)
    {
        using DirectoryHandle top = Top();
        try
        {
            using FileDescriptor file = Open(top, path);
            if (DirectoryHandle.StatusOf(file, path).Kind != FileKind.Regular) return false;
            await CopyAsync(file, path, to, cancel);
            return true;
        }
        catch (RefusedException)
        {
            return false;
        }
    }

    private DirectoryHandle Top()
    {
        try
        {
            return DirectoryHandle.Open(root);
        }
        catch (ErrnoException e)
        {
            throw NotThere(e);
        }
    }

    private static FileDescriptor Open(DirectoryHandle top, string path)
    {
        if (path.Contains('\0')) throw new RefusedException(400, "invalid path\n");
        try
        {
            // A FIFO without a writer must hold nobody up.
            return top.OpenInside(path.Length == 0 ? "." : path, OpenFlags.Read | OpenFlags.NonBlocking, PathBorder.Refuse);
        }
        catch (ErrnoException e)
        {
            throw NotThere(e);
        }
    }

    private static RefusedException NotThere(ErrnoException e) => e.Errno is Errno.EACCES or Errno.EPERM ? new(403, "403 Forbidden\n") : new(404, "404 page not found\n");

    private static string Index(DirectoryHandle top, string path)
    {
        using DirectoryHandle directory = path.Length == 0 ? top.OpenDirectoryInside(".", PathBorder.Refuse) : top.OpenDirectoryInside(path, PathBorder.Refuse);
        StringBuilder html = new("<!doctype html>\n<meta name=\"viewport\" content=\"width=device-width\">\n<pre>\n");
        foreach (string name in directory.List().Select(n => directory.TryStatus(n) is { Kind: FileKind.Directory } ? $"{n}/" : n.ToString()).Order(StringComparer.Ordinal))
            html.Append("<a href=\"").Append(string.Join('/', name.Split('/').Select(Uri.EscapeDataString))).Append("\">").Append(WebUtility.HtmlEncode(name)).Append("</a>\n");
        return html.Append("</pre>\n").ToString();
    }

    /// <summary>As much as it holds now; what is written meanwhile belongs to the next request.</summary>
    private static async Task CopyAsync(FileDescriptor file, string path, Stream to, CancellationToken cancel)
    {
        long left = DirectoryHandle.StatusOf(file, path).Size;
        byte[] buffer = ArrayPool<byte>.Shared.Rent(Chunk);
        try
        {
            for (int count; left > 0 && (count = OpenedFile.Read(file, buffer.AsSpan(0, (int)Math.Min(buffer.Length, left)), path)) > 0; left -= count)
                await to.WriteAsync(buffer.AsMemory(0, count), cancel);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }
}
