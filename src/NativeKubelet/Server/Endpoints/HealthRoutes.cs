using System.Collections.Immutable;
using Microsoft.AspNetCore.Http;
using NativeKubelet.Core.Server;

namespace NativeKubelet.Server.Endpoints;

/// <summary>/healthz and one path per check.</summary>
internal sealed class HealthRoutes(ImmutableArray<HealthCheck> checks)
{
    /// <param name="name">What follows the first element of the path.</param>
    public Task ServeAsync(HttpContext context, string[] name)
    {
        (int status, string text) = name switch
        {
            [] => HealthAnswers.Of(checks, check => context.Request.Query["exclude"].Contains(check), context.Request.Query.ContainsKey("verbose")),
            [var one] when checks.FirstOrDefault(c => c.Name == one) is { } check => HealthAnswers.Of(check),
            _ => throw new RefusedException(404, "404: Page Not Found"),
        };
        return context.TextAsync(status, text);
    }
}
