using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Logging;
using NativeKubelet.Core.Server;
using NativeKubelet.Server.Access;
using NativeKubelet.Server.Endpoints;
using NativeKubelet.Server.Stats;

namespace NativeKubelet.Server;

/// <summary>One request from its arrival to its answer: who asks, whether he may, and then the routes. Nothing is served before (spec 20 §8).</summary>
internal sealed partial class NodeApplication(Authentication authentication, Authorization authorization, NodeRoutes routes, RequestCounts counts, ILogger<NodeApplication> log) : IHttpApplication<HttpContext>
{
    public HttpContext CreateContext(IFeatureCollection contextFeatures) => new DefaultHttpContext(contextFeatures);

    public void DisposeContext(HttpContext context, Exception? exception)
    {
        // Its features are the server's.
    }

    public async Task ProcessRequestAsync(HttpContext context)
    {
        using RequestCounts.Request counted = counts.Begin(context.Request.Method, context.Request.Path.Value ?? "", context.Features.Get<ReadOnlyPort>() is not null);
        try
        {
            await AnswerAsync(context);
        }
        catch (RefusedException e) when (!context.Response.HasStarted)
        {
            await context.TextAsync(e.Status, e.Message);
        }
        catch (BadHttpRequestException e) when (!context.Response.HasStarted)
        {
            await context.TextAsync(e.StatusCode, e.Message);
        }
        catch (Exception e) when (context.RequestAborted.IsCancellationRequested && e is OperationCanceledException or ConnectionAbortedException or ConnectionResetException or IOException)
        {
            // The client has left.
        }
        catch (Exception e)
        {
            // A handler's own fault ends its request, never the server.
            RequestFailed(e, context.Request.Method, context.Request.Path.Value);
            if (context.Response.HasStarted) context.Abort();
            else await context.TextAsync(500, "Internal Error: the request failed; the node's log tells why\n");
        }
    }

    private async Task AnswerAsync(HttpContext context)
    {
        if (context.Features.Get<ReadOnlyPort>() is not null)
        {
            await routes.ServeReadOnlyAsync(context);
            return;
        }
        Caller caller = await authentication.WhoAsync(context) ?? throw new RefusedException(401, "Unauthorized");
        await authorization.RequireAsync(caller, NodeAccess.Of(context.Request.Method, context.Request.Path.Value ?? ""), context.RequestAborted);
        await routes.ServeAsync(context);
    }

    [LoggerMessage(LogLevel.Error, "Request handler failed method={Method} path={Path}")]
    private partial void RequestFailed(Exception e, string method, string? path);
}
