/* SPDX-License-Identifier: Apache-2.0 */
#include "aworker/v8/platform.h"

#include <libplatform/libplatform.h>
#include <time.h>

namespace
{

/* A task that posts its like each time it runs must not keep a seed from its fork point. */
const int DRAIN_TASKS_MAX = 1000;

double seconds(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

class runner final : public v8::TaskRunner
{
      public:
	explicit runner(std::shared_ptr<task_queue> queue) : queue_(std::move(queue))
	{
	}

	void PostTask(std::unique_ptr<v8::Task> task) override
	{
		queue_->post(std::move(task));
	}

	/* The loop never runs a task from within another: all of them are non-nestable. */
	void PostNonNestableTask(std::unique_ptr<v8::Task> task) override
	{
		queue_->post(std::move(task));
	}

	void PostDelayedTask(std::unique_ptr<v8::Task> task, double delay_s) override
	{
		queue_->post_delayed(std::move(task), delay_s);
	}

	void PostNonNestableDelayedTask(std::unique_ptr<v8::Task> task, double delay_s) override
	{
		queue_->post_delayed(std::move(task), delay_s);
	}

	void PostIdleTask(std::unique_ptr<v8::IdleTask>) override
	{
	}

	bool IdleTasksEnabled() override
	{
		return false;
	}

	bool NonNestableTasksEnabled() const override
	{
		return true;
	}

	bool NonNestableDelayedTasksEnabled() const override
	{
		return true;
	}

      private:
	std::shared_ptr<task_queue> queue_;
};

/* A job runs to its end on whoever joins it, or as a task when nobody does. */
struct job_state {
	std::unique_ptr<v8::JobTask> task; /* gone once cancelled or done */
	bool queued = false;
};

class delegate final : public v8::JobDelegate
{
      public:
	bool ShouldYield() override
	{
		return false;
	}

	void NotifyConcurrencyIncrease() override
	{
	}

	uint8_t GetTaskId() override
	{
		return 0;
	}

	bool IsJoiningThread() const override
	{
		return true;
	}
};

void job_run(job_state *job)
{
	delegate d;

	while (job->task && job->task->GetMaxConcurrency(0) > 0)
		job->task->Run(&d);
}

class job_runner final : public v8::Task
{
      public:
	explicit job_runner(std::shared_ptr<job_state> job) : job_(std::move(job))
	{
	}

	void Run() override
	{
		job_->queued = false;
		job_run(job_.get());
	}

      private:
	std::shared_ptr<job_state> job_;
};

class job_handle final : public v8::JobHandle
{
      public:
	job_handle(std::shared_ptr<task_queue> queue, std::unique_ptr<v8::JobTask> task)
	    : queue_(std::move(queue)), job_(std::make_shared<job_state>())
	{
		job_->task = std::move(task);
	}

	void NotifyConcurrencyIncrease() override
	{
		if (!job_ || job_->queued)
			return;
		job_->queued = true;
		queue_->post(std::make_unique<job_runner>(job_));
	}

	void Join() override
	{
		job_run(job_.get());
		Cancel();
	}

	void Cancel() override
	{
		job_->task.reset();
		job_.reset();
	}

	void CancelAndDetach() override
	{
		Cancel();
	}

	bool IsActive() override
	{
		return job_->task && job_->task->GetMaxConcurrency(0) > 0;
	}

	bool IsValid() override
	{
		return job_ != nullptr;
	}

      private:
	std::shared_ptr<task_queue> queue_;
	std::shared_ptr<job_state> job_;
};

} // namespace

void task_queue::set_wake(wake_fn fn, void *data)
{
	wake_ = fn;
	wake_data_ = data;
}

void task_queue::wish(double delay_s)
{
	if (wake_)
		wake_(wake_data_, delay_s > 0 ? delay_s * 1e3 : 0);
}

void task_queue::post(std::unique_ptr<v8::Task> task)
{
	now_.push_back(std::move(task));
	wish(0);
}

void task_queue::post_delayed(std::unique_ptr<v8::Task> task, double delay_s)
{
	later_.emplace(seconds(CLOCK_MONOTONIC) + delay_s, std::move(task));
	wish(delay_s);
}

std::unique_ptr<v8::Task> task_queue::take_due()
{
	std::unique_ptr<v8::Task> task;

	if (!now_.empty()) {
		task = std::move(now_.front());
		now_.pop_front();
	} else if (!later_.empty() && later_.begin()->first <= seconds(CLOCK_MONOTONIC)) {
		task = std::move(later_.begin()->second);
		later_.erase(later_.begin());
	}
	return task;
}

bool task_queue::run_one()
{
	std::unique_ptr<v8::Task> task = take_due();
	double now;

	if (task)
		task->Run();
	if (!now_.empty())
		return true;
	if (later_.empty())
		return false;
	now = seconds(CLOCK_MONOTONIC);
	if (later_.begin()->first <= now)
		return true;
	wish(later_.begin()->first - now);
	return false;
}

void task_queue::drain()
{
	for (int n = 0; n < DRAIN_TASKS_MAX && !(now_.empty() && later_.empty()); n++) {
		std::unique_ptr<v8::Task> task = take_due();

		if (!task) {
			task = std::move(later_.begin()->second);
			later_.erase(later_.begin());
		}
		task->Run();
	}
	clear();
}

void task_queue::clear()
{
	now_.clear();
	later_.clear();
}

loop_platform::loop_platform()
    : queue_(std::make_shared<task_queue>()), runner_(std::make_shared<runner>(queue_)),
      stock_(v8::platform::NewSingleThreadedDefaultPlatform())
{
}

task_queue &loop_platform::tasks()
{
	return *queue_;
}

v8::PageAllocator *loop_platform::GetPageAllocator()
{
	return stock_->GetPageAllocator();
}

int loop_platform::NumberOfWorkerThreads()
{
	return 0;
}

std::shared_ptr<v8::TaskRunner> loop_platform::GetForegroundTaskRunner(v8::Isolate *)
{
	return runner_;
}

void loop_platform::CallOnWorkerThread(std::unique_ptr<v8::Task> task)
{
	queue_->post(std::move(task));
}

void loop_platform::CallDelayedOnWorkerThread(std::unique_ptr<v8::Task> task, double delay_s)
{
	queue_->post_delayed(std::move(task), delay_s);
}

std::unique_ptr<v8::JobHandle> loop_platform::CreateJob(
	v8::TaskPriority, std::unique_ptr<v8::JobTask> job)
{
	return std::make_unique<job_handle>(queue_, std::move(job));
}

std::unique_ptr<v8::JobHandle> loop_platform::PostJob(
	v8::TaskPriority priority, std::unique_ptr<v8::JobTask> job)
{
	std::unique_ptr<v8::JobHandle> handle = CreateJob(priority, std::move(job));

	handle->NotifyConcurrencyIncrease();
	return handle;
}

double loop_platform::MonotonicallyIncreasingTime()
{
	return seconds(CLOCK_MONOTONIC);
}

double loop_platform::CurrentClockTimeMillis()
{
	return seconds(CLOCK_REALTIME) * 1e3;
}

v8::TracingController *loop_platform::GetTracingController()
{
	return &tracing_;
}
