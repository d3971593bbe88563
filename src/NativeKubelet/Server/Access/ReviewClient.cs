using NativeKubelet.Cluster;

namespace NativeKubelet.Server.Access;

/// <summary>Asks the API server who somebody is, or what he may. What passes by itself is waited for a little, as the caller waits too.</summary>
internal sealed class ReviewClient(ApiClient api, TimeProvider time)
{
    private const int Tries = 5;
    private static readonly TimeSpan FirstPause = TimeSpan.FromMilliseconds(500), Patience = TimeSpan.FromSeconds(15);

    /// <exception cref="ApiException">No answer.</exception>
    public async Task<T> AskAsync<T>(string path, T review)
    {
        // No caller's token: others may wait for the same answer.
        using CancellationTokenSource patience = new(Patience, time);
        TimeSpan pause = FirstPause;
        for (int tries = 1; ; tries++, pause *= 1.5)
            try
            {
                return await api.CreateAsync(path, review, patience.Token);
            }
            catch (ApiException e) when (e.IsPassing && tries < Tries)
            {
                await Task.Delay(pause * (1 + (0.2 * Random.Shared.NextDouble())), time, patience.Token);
            }
    }
}
