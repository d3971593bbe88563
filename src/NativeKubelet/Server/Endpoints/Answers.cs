using System.Text;
using Microsoft.AspNetCore.Http;

namespace NativeKubelet.Server.Endpoints;

/// <summary>Whole answers to a request.</summary>
internal static class Answers
{
    public static Task TextAsync(this HttpContext context, int status, string text) => context.BytesAsync(status, Encoding.UTF8.GetBytes(text), "text/plain; charset=utf-8");

    public static Task JsonAsync(this HttpContext context, ReadOnlyMemory<byte> document) => context.BytesAsync(200, document, "application/json");

    public static async Task BytesAsync(this HttpContext context, int status, ReadOnlyMemory<byte> body, string type)
    {
        HttpResponseHead(context, status, type).ContentLength = body.Length;
        await context.Response.Body.WriteAsync(body, context.RequestAborted);
    }

    /// <summary>For answers that come bit by bit.</summary>
    public static void Begin(this HttpContext context, string type) => HttpResponseHead(context, 200, type);

    /// <summary>The first value of a query's name; null where it is not given.</summary>
    public static string? First(this HttpContext context, string name) => context.Request.Query.TryGetValue(name, out var values) ? values.Count > 0 ? values[0] ?? "" : "" : null;

    private static Microsoft.AspNetCore.Http.HttpResponse HttpResponseHead(HttpContext context, int status, string type)
    {
        Microsoft.AspNetCore.Http.HttpResponse response = context.Response;
        response.StatusCode = status;
        response.ContentType = type;
        response.Headers.XContentTypeOptions = "nosniff";
        return response;
    }
}
